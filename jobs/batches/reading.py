"""Reads batches and their requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from redis.asyncio import Redis

from jobs import keyspace
from jobs.batches.record import FIELDS, BatchRecord
from jobs.lifecycle import record
from jobs.lifecycle.record import Record, View

RECORDS_PER_CALL = 100


class Member(NamedTuple):
    request_id: str
    custom_id: str | None


@dataclass(frozen=True)
class BatchPage:
    """Some batches, and the cursor of the next page, if there is one."""

    batches: Sequence[BatchRecord]
    next: int | None


class BatchReader:
    """All methods raise `redis.RedisError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis

    async def batch(self, batch_id: str) -> BatchRecord | None:
        return BatchRecord.from_values(batch_id, await self._redis.hmget(keyspace.batch(batch_id), FIELDS))

    async def of_archive(self, token: str) -> BatchRecord | None:
        """The batch whose ZIP of pictures has this public name."""
        batch_id = await self._redis.get(keyspace.archive(token))
        return None if batch_id is None else await self.batch(batch_id.decode())

    async def page(self, key_id: str, limit: int, before: int | None = None) -> BatchPage:
        """A key's newest batches, starting after the cursor `before`; without expired ones."""
        start = "+inf" if before is None else f"({before}"
        listed = await self._redis.zrange(
            keyspace.batches(key_id),
            start,
            "-inf",
            byscore=True,
            desc=True,
            offset=0,
            num=limit,
            withscores=True,
        )
        ids = [batch_id.decode() for batch_id, _ in listed]
        async with self._redis.pipeline(transaction=False) as pipe:
            for batch_id in ids:
                pipe.hmget(keyspace.batch(batch_id), FIELDS)
            found = map(BatchRecord.from_values, ids, await pipe.execute())
        return BatchPage(
            [each for each in found if each], int(listed[-1][1]) if len(listed) == limit else None
        )

    async def members(self, batch_id: str, offset: int, limit: int) -> list[Member]:
        """The queued requests of a batch, in the order submitted."""
        async with self._redis.pipeline() as pipe:
            pipe.hget(keyspace.batch(batch_id), "entered")
            pipe.lrange(keyspace.batch_requests(batch_id), offset, offset + limit - 1)
            entered, entries = await pipe.execute()
        return [_member(entry.decode()) for entry in entries[: max(0, int(entered or 0) - offset)]]

    async def records(self, members: Sequence[Member], view: View) -> list[Record | None]:
        """The records of these requests, in their order; None for an expired one."""
        found = list[Record | None]()
        for start in range(0, len(members), RECORDS_PER_CALL):
            ids = [member.request_id for member in members[start : start + RECORDS_PER_CALL]]
            async with self._redis.pipeline(transaction=False) as pipe:
                for request_id in ids:
                    pipe.hmget(keyspace.request(request_id), record.FIELDS[view])
                values = await pipe.execute()
            found += [Record.from_values(name, view, each) for name, each in zip(ids, values, strict=True)]
        return found


def _member(entry: str) -> Member:
    request_id, _, custom_id = entry.partition(" ")
    return Member(request_id, custom_id or None)
