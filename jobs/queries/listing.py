"""Lists of requests, newest first, read from the index of each key."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat

from redis import Redis
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.lifecycle.record import FIELDS, Record, View
from jobs.lifecycle.status import Status
from jobs.redis.script import OOM_EXEMPT, Script, read_script

MAX_READ = 500
"""Records that are read for a page; if it shows `PAGE` of them, Redis takes half a millisecond."""

PAGE = 100

_LISTED = FIELDS[View.LISTED]


@dataclass(frozen=True)
class Page:
    """Some requests without parameters, and the cursor of the next page, if there is one.

    With few matches in a long list, a page may have fewer requests than its limit, or none, and a next page.
    """

    records: Sequence[Record]
    next: int | None


class Listing:
    """Pages of requests; `status` or `custom_id` None: any. Methods raise `redis.RedisError`."""

    def __init__(self, redis: Redis) -> None:
        text = read_script("queries/listing.lua", LISTED=_LISTED, MAX_READ=MAX_READ)
        self._page = Script(redis, OOM_EXEMPT + text)

    def page(
        self,
        key_id: str,
        status: Status | None = None,
        custom_id: str | None = None,
        limit: int = PAGE,
        before: int | None = None,
    ) -> Page:
        """The newest of a key's requests, starting after the cursor `before`."""
        index = keyspace.requests(key_id, custom_id)
        start = "+inf" if before is None else f"({before}"
        found, last = self._page(args=[index, start, limit, status or ""])
        records = [Record.from_values(str_if_bytes(name), View.LISTED, values) for name, values in found]
        return Page([each for each in records if each], None if last is None else int(float(last)))

    def newest(
        self, key_ids: Sequence[str], status: Status | None, custom_id: str | None, limit: int
    ) -> list[Record]:
        """The newest requests of several keys."""
        lists = (self._all(key_id, status, custom_id, min(limit, PAGE)) for key_id in key_ids)
        merged = heapq.merge(*lists, key=lambda record: record.created_at, reverse=True)
        return list(islice(merged, limit))

    def _all(
        self, key_id: str, status: Status | None, custom_id: str | None, page_size: int
    ) -> Iterator[Record]:
        page = self.page(key_id, status, custom_id, page_size)
        yield from page.records
        while page.next is not None:
            page = self.page(key_id, status, custom_id, page_size, page.next)
            yield from page.records


def read_records(redis: Redis, ids: Sequence[str]) -> list[Record]:
    """The records of these requests without parameters; expired ones are left out."""
    with redis.pipeline(transaction=False) as pipe:
        for request_id in ids:
            pipe.hmget(keyspace.request(request_id), _LISTED)
        values = pipe.execute()
    found = map(Record.from_values, ids, repeat(View.LISTED), values)
    return [record for record in found if record]
