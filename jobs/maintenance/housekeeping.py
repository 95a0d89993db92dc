"""Housekeeping: deletes old pictures, and what has expired in RQ's registries.

Every worker and every API process calls `Housekeeping.run_once` now and then; a lock lets one do it.
"""

import logging
import threading
import time

from redis import Redis, RedisError

from jobs import keyspace
from jobs.maintenance import registries
from jobs.pictures.store import PictureStore
from jobs.redis.connection import redis_time
from jobs.redis.oom_exempt import OomExempt

INTERVAL_S = 10

log = logging.getLogger("superimpose.housekeeping")


class Housekeeping:
    def __init__(self, redis: Redis, store: PictureStore) -> None:
        self._redis = redis
        self._store = store
        self._oom_exempt = OomExempt(redis)
        self._ahead_s: float | None = None  # Redis's clock, of this process's
        self._is_refused = False  # by a Redis that is away or cannot write, in the last round

    def run_until(self, stopped: threading.Event) -> None:
        """A round each `INTERVAL_S`, whatever happens in one."""
        while True:
            self.run_once()
            if stopped.wait(INTERVAL_S):
                return

    def run_once(self) -> None:
        """A round, unless another process did one within the interval; a fault in one part stops no other."""
        was_refused, self._is_refused = self._is_refused, False
        for task in (self._clean_registries, self._sweep):
            try:
                task()
            except RedisError as error:
                if not (was_refused or self._is_refused):
                    log.warning("housekeeping waits for Redis, trying each %d s: %s", INTERVAL_S, error)
                self._is_refused = True
            except Exception:
                log.exception("housekeeping failed, trying again in %d s", INTERVAL_S)

    def _clean_registries(self) -> None:
        if self._is_mine("registries"):
            registries.clean(self._redis)

    def _sweep(self) -> None:
        try:
            if not self._is_mine("pictures"):
                return
            now = redis_time(self._redis)
            self._ahead_s = now - time.monotonic()
        except RedisError:  # its disk may be full of old pictures
            if self._ahead_s is not None:
                self._store.sweep(time.monotonic() + self._ahead_s)
            raise
        self._store.sweep(now)

    def _is_mine(self, part: str) -> bool:
        return self._oom_exempt.lock(keyspace.housekeeping(part), INTERVAL_S)
