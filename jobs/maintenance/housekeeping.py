"""Housekeeping: deletes old pictures and expired entries of RQ's registries.

It runs in every worker and API process; a lock lets one process at a time run a round.
"""

import logging
import threading
import time

from redis import Redis, RedisError

from jobs import keyspace
from jobs.maintenance import registries
from jobs.pictures.store import PictureStore
from jobs.redis.connection import redis_time
from jobs.redis.script import OomExempt

INTERVAL_S = 10

log = logging.getLogger("superimpose.housekeeping")


class Housekeeping:
    def __init__(self, redis: Redis, store: PictureStore) -> None:
        self._redis = redis
        self._store = store
        self._oom_exempt = OomExempt(redis)
        self._clock_offset_s: float | None = None  # Redis's clock minus this process's monotonic clock
        self._is_refused = False  # whether Redis failed in the last round

    def run_until(self, stopped: threading.Event) -> None:
        """Run a round every `INTERVAL_S`, also after errors."""
        while True:
            self.run_once()
            if stopped.wait(INTERVAL_S):
                return

    def run_once(self) -> None:
        """Run a round unless another process did so within the interval; a failing task stops no other."""
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
            self._clock_offset_s = now - time.monotonic()
        except RedisError:  # its disk may be full of old pictures, so sweep without it
            if self._clock_offset_s is not None:
                self._store.sweep(time.monotonic() + self._clock_offset_s)
            raise
        self._store.sweep(now)

    def _is_mine(self, part: str) -> bool:
        return self._oom_exempt.lock(keyspace.housekeeping(part), INTERVAL_S)
