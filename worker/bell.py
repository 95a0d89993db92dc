"""A thread that waits for requests in Redis while the main thread waits for the child or is idle."""

import logging
import threading

from redis import Redis

from jobs import keyspace
from worker.pauses import wake

WAIT_S = 1  # of one BLPOP; also how late a request is claimed that was queued without a ring
PAUSE_S = 0.5

log = logging.getLogger("superimpose.worker")


class Bell:
    """Once armed, waits for the next request and then wakes the main thread."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._armed, self._rung = threading.Event(), threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._listen, name="bell", daemon=True)

    @property
    def is_armed(self) -> bool:
        return self._armed.is_set()

    def arm(self) -> None:
        """Ring when the next request is queued: none waits now."""
        self._armed.set()
        if not self._thread.is_alive():
            self._thread.start()

    def has_rung(self) -> bool:
        """Whether it rang since the last call."""
        if not self._rung.is_set():
            return False
        self._rung.clear()
        return True

    def close(self) -> None:
        self._closed = True
        self._armed.set()
        if self._thread.is_alive():
            self._thread.join(WAIT_S)

    def _listen(self) -> None:
        while self._armed.wait() and not self._closed:
            try:
                self._redis.blpop([keyspace.BELL], WAIT_S)
            except Exception as error:  # the thread must go on
                log.warning("waiting for requests in Redis failed, trying again: %s", error)
                threading.Event().wait(PAUSE_S)
            if self._closed:
                return
            self._armed.clear()
            self._rung.set()
            wake()
