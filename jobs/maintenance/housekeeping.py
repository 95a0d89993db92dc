"""Housekeeping: deletes old pictures and expired entries of RQ's registries.

It runs in every worker and API process; a lock lets one process at a time run a round.

Other applications may use RQ in the same database, so only entries of our own workers are removed from
`rq:workers` and `rq:queues`, which they share with us. RQ's own clean-up fetches jobs, calls the functions
that their hashes name, and fails at unreadable values.
"""

import logging
import re
import threading
import time
from collections.abc import Iterable
from typing import Any

from obstore.exceptions import BaseError as StoreError
from redis import Redis, RedisError
from rq.worker_registration import clean_worker_registry

from jobs import keyspace
from jobs.pictures.store import PictureStore, reason_of
from jobs.queue.rq import REQUEST_ID, open_queue
from jobs.redis.connection import redis_time
from jobs.redis.script import OomExempt

INTERVAL_S = 10

TYPES = {
    **dict.fromkeys((keyspace.RQ_QUEUE, keyspace.RQ_INTERMEDIATE), b"list"),
    **dict.fromkeys((keyspace.RQ_STARTED, keyspace.RQ_SCHEDULED), b"zset"),
    **dict.fromkeys((keyspace.RQ_FINISHED, keyspace.RQ_FAILED), b"zset"),
    **dict.fromkeys((keyspace.RQ_WORKERS, keyspace.RQ_ALL_WORKERS, keyspace.RQ_QUEUES), b"set"),
}

_EXECUTION = re.compile(REQUEST_ID.pattern.encode() + rb":[0-9a-f]{32}")
_ID = re.compile(REQUEST_ID.pattern.encode())
_WORKER = re.compile(rb"rq:worker:[\w.-]+")

log = logging.getLogger("superimpose.housekeeping")
registry_log = logging.getLogger("superimpose.registries")


class Housekeeping:
    def __init__(self, redis: Redis, store: PictureStore) -> None:
        self._redis = redis
        self._store = store
        self._oom_exempt = OomExempt(redis)
        self._clock_offset_s: float | None = None  # Redis's clock minus this process's monotonic clock
        self._is_refused = False  # whether Redis failed in the last round

    def run_until(self, stopped: threading.Event) -> None:
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
            except StoreError as error:
                log.error("housekeeping failed, trying again in %d s: %s", INTERVAL_S, reason_of(error))
            except Exception:
                log.exception("housekeeping failed, trying again in %d s", INTERVAL_S)

    def _clean_registries(self) -> None:
        if not self._is_mine("registries"):
            return
        purge(self._redis)
        for key in (keyspace.RQ_STARTED, keyspace.RQ_FINISHED, keyspace.RQ_FAILED):
            self._redis.zremrangebyscore(key, "-inf", redis_time(self._redis))
        clean_worker_registry(open_queue(self._redis))

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


def purge(connection: Redis) -> None:
    """Delete keys of a wrong type, at which RQ fails, and malformed entries of our queue."""
    redis: Any = connection  # redis-py's types assume text
    for key, kind in TYPES.items():
        if redis.type(key) not in (kind, b"none"):
            registry_log.error("%s is not a %s, deleted", key, kind.decode())
            redis.delete(key)
    for entry in _malformed(_ID, redis.lrange(keyspace.RQ_INTERMEDIATE, 0, -1)):
        redis.lrem(keyspace.RQ_INTERMEDIATE, 0, entry)
    for entry in _malformed(_ID, redis.zrange(keyspace.RQ_SCHEDULED, 0, -1)):
        redis.zrem(keyspace.RQ_SCHEDULED, entry)
    for entry in _malformed(_EXECUTION, redis.zrange(keyspace.RQ_STARTED, 0, -1)):
        redis.zrem(keyspace.RQ_STARTED, entry)
    for entry in _malformed(_WORKER, redis.smembers(keyspace.RQ_WORKERS)):
        redis.srem(keyspace.RQ_WORKERS, entry)


def _malformed(form: re.Pattern[bytes], entries: Iterable[bytes]) -> list[bytes]:
    malformed = [entry for entry in entries if not form.fullmatch(entry)]
    for entry in malformed:
        registry_log.warning("malformed entry, dropped: %s", ascii(entry[:50]))
    return malformed
