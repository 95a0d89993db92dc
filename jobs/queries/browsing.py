"""Finds requests for an operator by SCAN, a page at a time: there is no index."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from redis import Redis

from jobs import keyspace
from jobs.lifecycle.record import FIELDS, Record, View
from jobs.lifecycle.status import Status

PAGE = 1000  # keys a step, in which Redis serves nothing else for a millisecond
MAX_LOOKED_AT = 1_000_000  # keys of any kind


@dataclass(frozen=True)
class Found:
    """The newest requests that match among those that were read; `is_complete`: these are all."""

    records: list[Record]
    looked_at: int
    is_complete: bool


def find_newest(redis: Redis, limit: int, status: Status | None = None, key_id: str | None = None) -> Found:
    """The `limit` newest requests, without parameters and output, of this status and API key where given.

    Raises `redis.RedisError`.
    """
    kept: dict[str, Record] = {}
    looked_at = 0
    for seen, page in _pages(redis):
        looked_at += len(page)
        fits = [each for each in page if status in (None, each.status) and key_id in (None, each.key_id)]
        kept |= {record.request_id: record for record in fits}
        newest = heapq.nlargest(limit, kept.values(), key=lambda record: record.created_at)
        kept = {record.request_id: record for record in newest}
        if seen >= MAX_LOOKED_AT:
            return Found(list(kept.values()), looked_at, is_complete=False)
    return Found(list(kept.values()), looked_at, is_complete=True)


def _pages(redis: Any) -> Iterator[tuple[int, list[Record]]]:
    """Keys looked at so far, and the records among the latest; one comes twice if Redis grows meanwhile."""
    cursor, seen = 0, 0
    while True:
        cursor, names = redis.scan(cursor, match=keyspace.request("*"), count=PAGE)
        seen += PAGE
        ids = [name.decode("ascii", "replace").removeprefix(keyspace.request("")) for name in names]
        yield seen, read_records(redis, ids)
        if cursor == 0:
            return


def read_records(redis: Redis, ids: Sequence[str]) -> list[Record]:
    """Those of these requests that have not expired, without parameters and output."""
    with redis.pipeline(transaction=False) as pipe:
        for request_id in ids:
            pipe.hmget(keyspace.request(request_id), FIELDS[View.LISTED])
        answers = pipe.execute()
    found = map(Record.from_values, ids, repeat(View.LISTED), answers)
    return [record for record in found if record]
