"""What makes every accepted request end, whatever dies: the only one who acts when nobody reports.

Every worker and every API process has one that runs each second; a lock lets one at a time do a round. What
only somebody on the same machine can see, a process that is gone, each looks for itself.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from redis import Redis, RedisError, ResponseError

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle import lease_owner
from jobs.lifecycle.moves import IllegalMove
from jobs.lifecycle.queue import REQUEST_ID
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import Transitions
from jobs.redis.connection import redis_time
from jobs.redis.oom_exempt import OomExempt

INTERVAL_S = 1
BATCH = 500  # requests at a time
LONGEST_S = 1.0  # for one of the moves, when there is much to do

log = logging.getLogger("superimpose.reconciler")


class Reconciler:
    """Takes up what dead workers left, puts back what waited or got lost on its way, ends what is late."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis: Any = redis  # typed as if it might be asynchronous
        self._settings = settings
        self._transitions = Transitions(redis, settings)
        self._oom_exempt = OomExempt(redis)
        self._trust_leases_from = 0.0
        self._stopped = threading.Event()

    def run_until(self, stopped: threading.Event) -> None:
        """A round each `INTERVAL_S`, whatever happens in one; ends in the middle of one."""
        self._stopped = stopped
        while not stopped.wait(INTERVAL_S):
            self.run_once()

    def run_once(self) -> None:
        """What is gone on this machine, and a round unless another process did one within the interval."""
        try:
            self.reclaim_from_the_dead()
            if self._oom_exempt.lock(keyspace.RECONCILER, 0.9 * INTERVAL_S):
                self.round()
        except RedisError as error:
            self._doubt_leases()
            log.warning("reconciling failed, trying again in %d s: %s", INTERVAL_S, error)
        except Exception:
            log.exception("reconciling failed, trying again in %d s", INTERVAL_S)

    def round(self) -> None:
        """Everything that can be seen in Redis alone."""
        now_s = redis_time(self._redis)
        self._all(partial(self._due, keyspace.RQ_SCHEDULED, now_s), self._transitions.promote, "tried again")
        self._all(self._taken, self._transitions.redeliver, "put back: it was lost on its way to a worker")
        if time.monotonic() >= self._trust_leases_from:
            lapsed = partial(self._due, keyspace.LEASES, now_s * 1000)
            self._all(lapsed, self._transitions.reclaim, "taken up again: its worker was not heard of")
        late = partial(self._due, keyspace.DEADLINES, now_s * 1000)
        if len(late()) == BATCH:
            self._sweep()
        self._all(late, self._transitions.expire)

    def reclaim_from_the_dead(self) -> None:
        """Take up what processes of this machine worked on that are gone."""
        kept = self._redis.hgetall(keyspace.machine(lease_owner.this_machine()))
        for member, value in kept.items():
            attempt, _, process = value.decode("ascii", "replace").partition(" ")
            if lease_owner.is_gone(process):
                reclaim = partial(self._transitions.reclaim, attempt=attempt)
                self._each([member], reclaim, "taken up again: its worker died")

    def _doubt_leases(self) -> None:
        """When Redis was away, workers could not be heard of either: they get the time to be."""
        self._trust_leases_from = time.monotonic() + self._settings.heartbeat_s * 2

    def _sweep(self) -> None:
        """End those in the queue that are late, when they are many, in its order."""
        skip, looked = 0, 1
        while looked and not self._stopped.is_set():
            looked, kept, ended = self._transitions.sweep(skip)
            skip += kept
            if ended:
                fields = {"status": Status.FAILED, "code": FailureCode.TIMEOUT}
                log.error("%d requests FAILED: timeout: %s", len(ended), " ".join(ended), extra=fields)

    def _all(self, find: Callable[[], list[bytes]], move: Callable[[str], None], done: str = "") -> None:
        """Make a move with all there are, for `LONGEST_S` at most: the other moves have their turn then."""
        until = time.monotonic() + LONGEST_S
        while (found := find()) and self._each(found, move, done) and len(found) == BATCH:
            if time.monotonic() > until or self._stopped.is_set():
                return

    def _taken(self) -> list[bytes]:
        taken: list[bytes] = self._redis.lrange(keyspace.RQ_INTERMEDIATE, 0, BATCH - 1)
        return taken

    def _due(self, key: str, score: float) -> list[bytes]:
        due: list[bytes] = self._redis.zrangebyscore(key, "-inf", score, start=0, num=BATCH)
        return due

    def _each(self, members: Iterable[bytes], move: Callable[[str], None], done: str) -> int:
        """How many of them have moved; what was done with them is logged, unless `done` is empty."""
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
            except IllegalMove:  # it has moved meanwhile, or ended by this, which is logged where it ends
                pass
            except (
                ResponseError
            ) as error:  # what stands there is not ours; the others' turn comes all the same
                log.error("request %s cannot be reconciled: %s", request_id, error)
        return moved

    def _forget(self, member: bytes) -> None:
        log.warning("not a request, dropped: %s", ascii(member[:50]))
        for key in (keyspace.DEADLINES, keyspace.LEASES, keyspace.IN_TRANSIT, keyspace.RQ_SCHEDULED):
            self._redis.zrem(key, member)
        self._redis.lrem(keyspace.RQ_INTERMEDIATE, 0, member)
        self._redis.hdel(keyspace.machine(lease_owner.this_machine()), member)
