"""The reconciler makes sure that every accepted request ends, even if workers die and messages are lost.

It runs every second in every worker and API process; a lock lets one process at a time run a round. Every
process looks for dead workers of its own machine, as no other machine can see them.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from redis import Redis, RedisError, ResponseError

from jobs import keyspace
from jobs.batches.progress import BatchProgress
from jobs.config.settings import Settings
from jobs.lifecycle import lease_owner
from jobs.lifecycle.move_script import MAX_SWEPT
from jobs.lifecycle.moves import IllegalMove
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import Transitions
from jobs.queue.rq import REQUEST_ID
from jobs.redis.connection import redis_time
from jobs.redis.script import OomExempt

INTERVAL_S = 1
PAGE = 500  # requests read at a time
MAX_MOVE_S = 1.0  # time limit of one kind of move in a round

log = logging.getLogger("superimpose.reconciler")


class Reconciler:
    """Requeues requests of dead workers and delayed ones, ends late ones, and resumes batches."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis: Any = redis  # typed as if it might be asynchronous
        self._settings = settings
        self._transitions = Transitions(redis, settings)
        self._batches = BatchProgress(redis, settings)
        self._oom_exempt = OomExempt(redis)
        self._trust_leases_from = 0.0
        self._stopped = threading.Event()

    def run_until(self, stopped: threading.Event) -> None:
        """Run a round every `INTERVAL_S`, also after errors; stops in the middle of a round."""
        self._stopped = stopped
        while not stopped.wait(INTERVAL_S):
            self.run_once()

    def run_once(self) -> None:
        """Reclaim from dead processes, then run a round unless another process just did."""
        try:
            self.reclaim_from_dead_processes()
            if self._oom_exempt.lock(keyspace.RECONCILER, 0.9 * INTERVAL_S):
                self.round()
        except RedisError as error:
            # Without Redis workers could not renew their leases: give them time to do so.
            self._trust_leases_from = time.monotonic() + self._settings.heartbeat_s * 2
            log.warning("reconciling failed, trying again in %d s: %s", INTERVAL_S, error)
        except Exception:
            log.exception("reconciling failed, trying again in %d s", INTERVAL_S)

    def round(self) -> None:
        """Do everything that any machine can do."""
        now_s = redis_time(self._redis)
        now_ms = now_s * 1000
        self._all(keyspace.RQ_SCHEDULED, now_s, self._transitions.promote, "requeued after its delay")
        # Workers of older versions used RQ's own way to take a job, which leaves entries here.
        self._oom_exempt.move_all(keyspace.RQ_INTERMEDIATE, keyspace.RQ_QUEUE)
        if time.monotonic() >= self._trust_leases_from:
            self._all(keyspace.LEASES, now_ms, self._transitions.reclaim, "requeued: its lease expired")
        while len(late := self._due(keyspace.DEADLINES, now_ms)) == PAGE and self._sweep(late):
            if self._stopped.is_set():
                break
        self._all(keyspace.DEADLINES, now_ms, self._transitions.expire)
        self._resume_batches(now_ms)

    def _resume_batches(self, now_ms: float) -> None:
        """Stop after the first batch beyond `MAX_MOVE_S`; a large batch takes about as long."""
        until = time.monotonic() + MAX_MOVE_S
        for batch_id in self._due(keyspace.OPEN_BATCHES, now_ms):
            self._each([batch_id], self._batches.resume)
            if time.monotonic() > until:
                return

    def reclaim_from_dead_processes(self) -> None:
        leases = self._redis.hgetall(keyspace.machine(lease_owner.this_machine()))
        for member, value in leases.items():
            attempt, _, process = value.decode("ascii", "replace").partition(" ")
            if lease_owner.is_gone(process):
                reclaim = partial(self._transitions.reclaim, attempt=attempt)
                self._each([member], reclaim, "requeued: its worker died")

    def _sweep(self, late: Sequence[bytes]) -> int:
        """End late requests that are QUEUED, many in each step; returns their number."""
        ids = [member.decode("ascii", "replace") for member in late]
        swept = 0
        for start in range(0, len(ids), MAX_SWEPT):
            ended = self._transitions.sweep(ids[start : start + MAX_SWEPT])
            if ended:
                fields = {"status": Status.FAILED, "code": FailureCode.TIMEOUT}
                log.error("%d requests FAILED: timeout: %s", len(ended), " ".join(ended), extra=fields)
            swept += len(ended)
        return swept

    def _all(self, key: str, score: float, move: Callable[[str], None], done: str = "") -> None:
        """Make a move with all members of a sorted set up to `score`, for `MAX_MOVE_S` at most."""
        until = time.monotonic() + MAX_MOVE_S
        while (found := self._due(key, score)) and self._each(found, move, done) and len(found) == PAGE:
            if time.monotonic() > until or self._stopped.is_set():
                return

    def _due(self, key: str, score: float) -> list[bytes]:
        due: list[bytes] = self._redis.zrangebyscore(key, "-inf", score, start=0, num=PAGE)
        return due

    def _each(self, members: Iterable[bytes], move: Callable[[str], None], done: str = "") -> int:
        """Make a move with each request, log `done`, and return the number of moved requests."""
        moved = 0
        for member in members:
            if self._stopped.is_set():
                break
            request_id = member.decode("ascii", "replace")
            if not REQUEST_ID.fullmatch(request_id):
                self._forget(member)
                moved += 1
                continue
            try:
                move(request_id)
                moved += 1
                if done:
                    log.warning("request %s %s", request_id, done)
            except IllegalMove:  # it has moved meanwhile, or this move has ended it, which is logged
                pass
            except ResponseError as error:  # its key holds something else; continue with the others
                log.error("request %s cannot be reconciled: %s", request_id, error)
        return moved

    def _forget(self, member: bytes) -> None:
        log.warning("not a request, dropped: %s", ascii(member[:50]))
        for key in (keyspace.DEADLINES, keyspace.LEASES, keyspace.RQ_SCHEDULED, keyspace.OPEN_BATCHES):
            self._redis.zrem(key, member)
        self._redis.hdel(keyspace.machine(lease_owner.this_machine()), member)
