"""Reads requests and batches from Redis during a run, bypassing the proxy."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from redis import Redis, RedisError
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.lifecycle.status import TERMINAL

INTERVAL_S = 0.5

Ending = tuple[str, ...]
"""Status, code and output of a finished request."""


COUNTS = ("queued", "processing", "completed", "failed")


class Batch(NamedTuple):
    """A batch's last record, and `"<request id> <custom_id>"` of its requests."""

    record: Mapping[str, str]
    entries: Sequence[str]

    @property
    def request_ids(self) -> list[str]:
        return [entry.partition(" ")[0] for entry in self.entries]


@dataclass
class Census:
    """All requests that ever existed with their ends; more than one end is a bug."""

    redis: Redis
    seen: set[str] = field(default_factory=set)
    endings: dict[str, set[Ending]] = field(default_factory=dict)
    last_records: dict[str, dict[str, str]] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
    """All batches that were ever accepted."""
    miscounted: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Take the census repeatedly until cancelled."""
        while True:
            with contextlib.suppress(RedisError):  # Redis may be killed
                await asyncio.to_thread(self.count)
            await asyncio.sleep(INTERVAL_S)

    def count(self) -> None:
        """Take the census once."""
        for request_id, record in self._records(keyspace.request("")):
            self._note(request_id, record)
        for batch_id, record in self._records(keyspace.batch("")):
            if record.get("state") == "accepted":
                entries = self.redis.lrange(keyspace.batch_requests(batch_id), 0, -1)
                self._note_batch(batch_id, record, list(map(str_if_bytes, entries)))

    def _records(self, prefix: str) -> Iterator[tuple[str, dict[str, str]]]:
        keys = list(self.redis.scan_iter(f"{prefix}*", 1000))
        with self.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hgetall(key)
            for key, fields in zip(keys, pipe.execute(), strict=True):
                text = {str_if_bytes(name): str_if_bytes(value) for name, value in fields.items()}
                yield str_if_bytes(key).removeprefix(prefix), text

    def expired(self, request_id: str) -> dict[str, str] | None:
        """The last record of an expired request; None if it has not expired."""
        record = self.last_records.get(request_id, {})
        is_over = int(record.get("expires_at", 0)) / 1000 <= time.time()
        return record if is_over and record.get("status") in TERMINAL else None

    def has_expired(self, batch_id: str) -> bool:
        """Whether a batch is finished and has expired."""
        batch = self.batches.get(batch_id)
        return batch is not None and int(batch.record.get("expires_at", sys.maxsize)) / 1000 <= time.time()

    def _note(self, request_id: str, record: dict[str, str]) -> None:
        if "status" not in record:
            return  # it has expired, or its batch is not accepted yet
        self.seen.add(request_id)
        self.last_records[request_id] = record
        if record["status"] in TERMINAL:
            ending = tuple(record.get(name, "") for name in ("status", "code", "output", "finished_at"))
            self.endings.setdefault(request_id, set()).add(ending)

    def _note_batch(self, batch_id: str, record: dict[str, str], entries: list[str]) -> None:
        if sum(int(record[name]) for name in COUNTS) != int(record["total"]):
            self.miscounted.append(f"batch {batch_id} counted {[record[name] for name in COUNTS]}: {record}")
        if entries:  # empty if they have expired
            self.batches[batch_id] = Batch(record, entries)
