"""A thread that waits for requests while the main thread watches the child, or has nothing to do."""

import logging
import threading

from redis import Redis

from jobs import keyspace
from worker.pauses import wake

WAIT_S = 1  # at a time: how late a request is seen that was queued without a ring
PAUSE_S = 0.5

log = logging.getLogger("superimpose.worker")


class Bell:
    """Waits for a request where it is armed, and then ends a pause of the main thread."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._armed, self._rung = threading.Event(), threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._listen, name="bell", daemon=True)

    @property
    def is_armed(self) -> bool:
        return self._armed.is_set()

    def arm(self) -> None:
        """Nothing waits now: ring when something does."""
        self._armed.set()
        if not self._thread.is_alive():
            self._thread.start()

    def has_rung(self) -> bool:
        """Whether it rang since it was armed; says so once."""
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
            except Exception as error:  # whatever it is, the thread must go on
                log.warning("waiting for requests in Redis failed, trying again: %s", error)
                threading.Event().wait(PAUSE_S)
            if self._closed:
                return
            self._armed.clear()
            self._rung.set()
            wake()
