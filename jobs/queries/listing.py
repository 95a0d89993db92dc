"""Lists of requests, newest first, from the lists that each key has of its own."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path

from redis import Redis
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.lifecycle.record import FIELDS, Record, View
from jobs.lifecycle.status import Status
from jobs.redis.oom_exempt import OOM_EXEMPT
from jobs.redis.script import Script

MOST_READ = 500
"""Records that a page is chosen from; with `PAGE` of them shown, half a millisecond of Redis."""

PAGE = 100

_LISTED = FIELDS[View.LISTED]
_SCRIPT = Path(__file__).with_name("listing.lua").read_text()


@dataclass(frozen=True)
class Wanted:
    """Which requests of a key: all that are not said otherwise."""

    status: Status | None = None
    custom_id: str | None = None


ANY = Wanted()


@dataclass(frozen=True)
class Page:
    """Some requests without parameters, and where the list goes on, if it does.

    Of a long list with few that are wanted a page may hold fewer than asked for, or none, and go on.
    """

    records: Sequence[Record]
    next: int | None


class Listing:
    def __init__(self, redis: Redis) -> None:
        text = keyspace.script(_SCRIPT, LISTED=_LISTED, MOST_READ=MOST_READ)
        self._page = Script(redis, OOM_EXEMPT + text)

    def page(self, key_id: str, wanted: Wanted = ANY, limit: int = PAGE, before: int | None = None) -> Page:
        """The newest of a key's requests, `before` where another page ended. Raises `redis.RedisError`."""
        listed = keyspace.requests(key_id, wanted.custom_id)
        start = "+inf" if before is None else f"({before}"
        found, last = self._page(args=[listed, start, limit, wanted.status or ""])
        records = [Record.from_values(str_if_bytes(name), View.LISTED, values) for name, values in found]
        return Page([each for each in records if each], None if last is None else int(float(last)))

    def newest(self, key_ids: Sequence[str], wanted: Wanted, limit: int) -> list[Record]:
        """The newest of several keys' requests. Raises `redis.RedisError`."""
        lists = (self._all(key_id, wanted, min(limit, PAGE)) for key_id in key_ids)
        merged = heapq.merge(*lists, key=lambda record: record.created_at, reverse=True)
        return list(islice(merged, limit))

    def _all(self, key_id: str, wanted: Wanted, at_a_time: int) -> Iterator[Record]:
        page = self.page(key_id, wanted, at_a_time)
        yield from page.records
        while page.next is not None:
            page = self.page(key_id, wanted, at_a_time, page.next)
            yield from page.records


def read_records(redis: Redis, ids: Sequence[str]) -> list[Record]:
    """Those of these requests that have not expired, without parameters."""
    with redis.pipeline(transaction=False) as pipe:
        for request_id in ids:
            pipe.hmget(keyspace.request(request_id), _LISTED)
        answers = pipe.execute()
    found = map(Record.from_values, ids, repeat(View.LISTED), answers)
    return [record for record in found if record]
