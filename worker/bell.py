"""A thread that waits for requests while the main thread watches the child, or has nothing to do."""

import logging
import threading

from redis import Redis, RedisError

from jobs import keyspace
from worker.pauses import wake

WAIT_S = 1  # at a time: how late a request is seen that was queued without a ring
PAUSE_S = 0.5

log = logging.getLogger("superimpose.worker")


class Bell:
    """Rings, which ends a pause of the main thread, when a request may wait; rung at first."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._rung = threading.Event()
        self._rung.set()
        self._armed = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._listen, name="bell", daemon=True)

    @property
    def is_rung(self) -> bool:
        return self._rung.is_set()

    def arm(self) -> None:
        """Nothing waits now: be silent until something does."""
        self._rung.clear()
        self._armed.set()
        if not self._thread.is_alive():
            self._thread.start()

    def close(self) -> None:
        self._closed = True
        self._armed.set()
        if self._thread.is_alive():
            self._thread.join(WAIT_S)

    def _listen(self) -> None:
        while self._armed.wait() and not self._closed:
            try:
                self._redis.blpop([keyspace.BELL], WAIT_S)
            except RedisError:  # which the main thread will meet too
                threading.Event().wait(PAUSE_S)
            self._armed.clear()
            self._rung.set()
            wake()
