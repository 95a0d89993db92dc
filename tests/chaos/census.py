"""What there is in Redis, looked at round the proxy while the run goes on."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

from redis import Redis, RedisError
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.lifecycle.status import TERMINAL

INTERVAL_S = 0.5

Ending = tuple[str, ...]
"""Status, code and output of a request that has ended."""


@dataclass
class Census:
    """Every request that was ever there, and what its end was seen to be: one ending each, or a bug."""

    redis: Redis
    seen: set[str] = field(default_factory=set)
    endings: dict[str, set[Ending]] = field(default_factory=dict)
    last_records: dict[str, dict[str, str]] = field(default_factory=dict)

    async def run(self) -> None:
        """Count, again and again, until cancelled."""
        while True:
            with contextlib.suppress(RedisError):  # it has been killed
                await asyncio.to_thread(self.count)
            await asyncio.sleep(INTERVAL_S)

    def count(self) -> None:
        """One round."""
        prefix = keyspace.request("")
        ids = [str_if_bytes(key).removeprefix(prefix) for key in self.redis.scan_iter(f"{prefix}*", 1000)]
        self.seen.update(ids)
        with self.redis.pipeline(transaction=False) as pipe:
            for request_id in ids:
                pipe.hgetall(keyspace.request(request_id))
            for request_id, fields in zip(ids, pipe.execute(), strict=True):
                self._note(
                    request_id, {str_if_bytes(name): str_if_bytes(value) for name, value in fields.items()}
                )

    def expired(self, request_id: str) -> dict[str, str] | None:
        """The last record of a request whose time is over; None if it may still be asked for."""
        record = self.last_records.get(request_id, {})
        is_over = int(record.get("expires_at", 0)) / 1000 <= time.time()
        return record if is_over and record.get("status") in TERMINAL else None

    def _note(self, request_id: str, record: dict[str, str]) -> None:
        if not record:
            return  # it has expired since
        self.last_records[request_id] = record
        if record["status"] in TERMINAL:
            ending = tuple(record.get(name, "") for name in ("status", "code", "output", "finished_at"))
            self.endings.setdefault(request_id, set()).add(ending)
