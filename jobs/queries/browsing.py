"""Finding requests for an operator: by walking over Redis's keys, a page at a time, as no index is kept."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.lifecycle.record import Record
from jobs.lifecycle.status import Status

PAGE = 1000  # keys that Redis looks at in one step; others wait for it for a millisecond
MAX_LOOKED_AT = 1_000_000  # keys of any kind

FIELDS = (
    "key_id",
    "status",
    "created_at",
    "started_at",
    "finished_at",
    "attempts",
    "code",
    "error",
    "metrics",
)


@dataclass(frozen=True)
class Found:
    """The newest requests that fit, of those that were looked at; `is_complete`: those are all there are."""

    records: list[Record]
    looked_at: int
    is_complete: bool


def newest(redis: Redis, limit: int, status: Status | None = None, key_id: str | None = None) -> Found:
    """The `limit` newest requests, without parameters and output, of this status and API key where given.

    Raises `redis.RedisError`.
    """
    kept: dict[str, Record] = {}
    looked_at = 0
    for seen, page in _pages(redis):
        looked_at += len(page)
        fits = [each for each in page if status in (None, each.status) and key_id in (None, each.key_id)]
        kept |= {record.request_id: record for record in fits}
        kept = {each.request_id: each for each in _newest_first(kept.values(), limit)}
        if seen >= MAX_LOOKED_AT:
            return Found(list(kept.values()), looked_at, is_complete=False)
    return Found(list(kept.values()), looked_at, is_complete=True)


def _newest_first(records: Iterable[Record], limit: int) -> list[Record]:
    return heapq.nlargest(limit, records, key=lambda record: record.created_at)


def _pages(redis: Any) -> Iterator[tuple[int, list[Record]]]:
    """Keys looked at so far, and the records among the latest; one comes twice if Redis grows meanwhile."""
    cursor, seen = 0, 0
    while True:
        cursor, names = redis.scan(cursor, match=keyspace.request("*"), count=PAGE)
        seen += PAGE
        yield seen, _read(redis, names)
        if cursor == 0:
            return


def _read(redis: Any, names: list[bytes]) -> list[Record]:
    if not names:
        return []
    with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hmget(name, FIELDS)
        answers = pipe.execute()
    records = []
    for name, values in zip(names, answers, strict=True):
        pairs = zip(FIELDS, values, strict=True)
        fields: dict[bytes | str, bytes | str] = {field: value for field, value in pairs if value is not None}
        if "status" in fields:  # else it has expired meanwhile
            request_id = str_if_bytes(name).removeprefix(keyspace.request(""))
            record = Record.from_hash(request_id, fields)
            records += [record] if record else []
    return records
