"""Moves batches forward, a few requests at a time; if a process dies, another one continues."""

import logging
from collections.abc import Iterator
from functools import cache
from typing import Any

from redis import Redis
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.creation import GRACE_S, acceptance_script
from jobs.lifecycle.moves import IllegalMove
from jobs.lifecycle.status import TERMINAL, Status
from jobs.lifecycle.transitions import Transitions
from jobs.redis.script import OOM_EXEMPT, Script, read_script
from jobs.webhooks import schedule

log = logging.getLogger("superimpose.batches")

REQUESTS_PER_CALL = 20
"""Requests that one call queues, drops or cancels: it blocks Redis for about 2 ms."""

OPEN_FOR_S = 1800  # a batch that has not been accepted after this time is dropped

IDLE_FOR_S = 2  # the reconciler continues a batch that made no progress for this long

OVERDUE_AFTER_S = GRACE_S + 5
"""Counted from the last deadline of its requests: a batch that has not ended by then was miscounted."""

_CONSTANTS = {
    "STAGED_FOR": OPEN_FOR_S * 1000,
    "IDLE_FOR": IDLE_FOR_S * 1000,
    "OVERDUE_AFTER": OVERDUE_AFTER_S * 1000,
}


@cache
def script(name: str) -> str:
    """A script of this folder, with the functions of `acceptance.lua`."""
    return acceptance_script(f"batches/{name}", **_CONSTANTS)


def settle_script(settings: Settings) -> str:
    files = (
        *("lifecycle/request.lua", "lifecycle/lists.lua", "webhooks/event.lua"),
        *("batches/counts.lua", "batches/settle.lua"),
    )
    constants = schedule.IN_SCRIPTS | _CONSTANTS
    return OOM_EXEMPT + read_script(*files, **constants, TTL=settings.result_ttl_s * 1000)


class BatchProgress:
    """All methods raise `redis.RedisError`."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis: Any = redis  # typed as if it might be asynchronous
        self._transitions = Transitions(redis, settings)
        self._enter = Script(redis, OOM_EXEMPT + script("enter.lua"))
        self._drop = Script(redis, OOM_EXEMPT + script("drop.lua"))
        self._cancel = Script(redis, OOM_EXEMPT + script("cancel.lua"))
        self._settle = Script(redis, settle_script(settings))

    def enqueue(self, batch_id: str) -> None:
        """Queue all requests of the batch that have not been queued."""
        while self._enter(args=[batch_id, REQUESTS_PER_CALL]):
            pass

    def drop(self, batch_id: str) -> None:
        """Drop the batch unless it was accepted."""
        while self._drop(args=[batch_id, REQUESTS_PER_CALL]):
            pass

    def cancel(self, batch_id: str) -> None:
        """End the QUEUED requests; running ones continue. Raises `IllegalMove`: missing, terminal."""
        match self._cancel(args=[batch_id]):
            case bytes(reason):
                raise IllegalMove("cancel", batch_id, reason.decode())
            case 0:
                return
        self._cancel_queued(batch_id)
        self._postpone_check(batch_id)

    def resume(self, batch_id: str) -> None:
        """Take the next step of a batch without progress."""
        state, entered, total, cancelled, queued = self._redis.hmget(
            keyspace.batch(batch_id), "state", "entered", "total", "cancelled", "queued"
        )
        if state != b"accepted":
            self.drop(batch_id)
            log.info("batch %s dropped, unless it was accepted just now", batch_id)
        elif cancelled and queued != b"0":
            self._cancel_queued(batch_id)
            self._settle_if_ended(batch_id)
        elif entered != total:
            self.enqueue(batch_id)
            log.warning("batch %s queued: the API process that accepted it did not finish", batch_id)
        else:
            self._settle_if_ended(batch_id)

    def _cancel_queued(self, batch_id: str) -> None:
        self.enqueue(batch_id)
        for request_ids in self._requests(batch_id):
            self._transitions.sweep(request_ids, cancelled=True)

    def _settle_if_ended(self, batch_id: str) -> None:
        """Requests without a record have ended: they have expired or were deleted."""
        completed = 0
        for request_ids in self._requests(batch_id):
            with self._redis.pipeline(transaction=False) as pipe:
                for request_id in request_ids:
                    pipe.hget(keyspace.request(request_id), "status")
                statuses = [str_if_bytes(status) for status in pipe.execute() if status is not None]
            if any(status not in TERMINAL for status in statuses):
                self._postpone_check(batch_id)
                return
            completed += statuses.count(Status.COMPLETED)
        self._settle(args=[batch_id, completed])

    def _postpone_check(self, batch_id: str) -> None:
        self._settle(args=[batch_id, -1])

    def _requests(self, batch_id: str) -> Iterator[list[str]]:
        key, start = keyspace.batch_requests(batch_id), 0
        while entries := self._redis.lrange(key, start, start + REQUESTS_PER_CALL - 1):
            yield [entry.decode().partition(" ")[0] for entry in entries]
            start += len(entries)
