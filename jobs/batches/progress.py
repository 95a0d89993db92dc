"""Going on with batches, a few requests at a time: a process that dies in it is followed by another."""

import logging
from collections.abc import Iterator
from typing import Any

from redis import Redis
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.batches.scripts import AT_A_TIME, exempt, settle_script
from jobs.config.settings import Settings
from jobs.lifecycle.moves import IllegalMove
from jobs.lifecycle.status import TERMINAL, Status
from jobs.lifecycle.transitions import Transitions
from jobs.redis.script import Script

log = logging.getLogger("superimpose.batches")


class BatchProgress:
    """All methods raise `redis.RedisError`."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis: Any = redis  # typed as if it might be asynchronous
        self._transitions = Transitions(redis, settings)
        self._enter = exempt(redis, "enter.lua")
        self._drop = exempt(redis, "drop.lua")
        self._cancel = exempt(redis, "cancel.lua")
        self._settle = Script(redis, settle_script(settings))

    def enter(self, batch_id: str) -> None:
        """Have its requests enter the queue; those that have are left alone."""
        while self._enter(args=[batch_id, AT_A_TIME]):
            pass

    def drop(self, batch_id: str) -> None:
        """Drop it, unless it was accepted."""
        while self._drop(args=[batch_id, AT_A_TIME]):
            pass

    def cancel(self, batch_id: str) -> None:
        """End its requests that wait; those that run go on. Raises `IllegalMove`: missing, terminal."""
        match self._cancel(args=[batch_id]):
            case bytes(reason):
                raise IllegalMove("cancel", batch_id, reason.decode())
            case 0:
                return
        self._end_waiting(batch_id)
        self._look_again_later(batch_id)

    def go_on(self, batch_id: str) -> None:
        """Do what is due with one that was left."""
        state, entered, total, cancelled, queued = self._redis.hmget(
            keyspace.batch(batch_id), "state", "entered", "total", "cancelled", "queued"
        )
        if state != b"accepted":
            self.drop(batch_id)
            log.info("batch %s dropped, unless it was accepted just now", batch_id)
        elif cancelled and queued != b"0":
            self._end_waiting(batch_id)
            self._settle_if_ended(batch_id)
        elif entered != total:
            self.enter(batch_id)
            log.warning("batch %s has entered the queue: the API that accepted it did not go on", batch_id)
        else:
            self._settle_if_ended(batch_id)

    def _end_waiting(self, batch_id: str) -> None:
        self.enter(batch_id)
        for request_ids in self._requests(batch_id):
            self._transitions.cancel_waiting(request_ids)

    def _settle_if_ended(self, batch_id: str) -> None:
        """Those that have expired or were deleted had ended."""
        completed = 0
        for request_ids in self._requests(batch_id):
            with self._redis.pipeline(transaction=False) as pipe:
                for request_id in request_ids:
                    pipe.hget(keyspace.request(request_id), "status")
                statuses = [str_if_bytes(status) for status in pipe.execute() if status is not None]
            if any(status not in TERMINAL for status in statuses):
                self._look_again_later(batch_id)
                return
            completed += statuses.count(Status.COMPLETED)
        self._settle(args=[batch_id, completed])

    def _look_again_later(self, batch_id: str) -> None:
        self._settle(args=[batch_id, -1])

    def _requests(self, batch_id: str) -> Iterator[list[str]]:
        """Ids of its requests, some at a time."""
        at = 0
        while entries := self._redis.lrange(keyspace.batch_requests(batch_id), at, at + AT_A_TIME - 1):
            yield [entry.decode().partition(" ")[0] for entry in entries]
            at += len(entries)
