"""Pauses of a worker's main thread, and the thread that ends one when a request is queued in Redis."""

import logging
import os
import select
import signal
import threading
from contextlib import suppress
from functools import cache
from typing import Protocol

from redis import Redis

from jobs import keyspace

WAIT_S = 1  # of one BLPOP; also how late a request is claimed that was queued without a ring
PAUSE_S = 0.5

log = logging.getLogger("superimpose.worker")


class HasFileno(Protocol):
    def fileno(self) -> int: ...


@cache
def _pipe() -> tuple[int, int]:
    """A pipe, reader first, that is open until the process ends: a thread may call `wake` at any time."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    return reader, writer


def end_pauses_at_signals() -> None:
    """Let signals that have a handler end a pause; `time.sleep` would continue. Call from the main thread."""
    signal.set_wakeup_fd(_pipe()[1], warn_on_full_buffer=False)


def wake() -> None:
    """End the current pause of the main thread, or the next one at once. Called by another thread."""
    with suppress(BlockingIOError):  # the pipe is full, so the main thread wakes anyway
        os.write(_pipe()[1], b"\0")


def pause(seconds: float, *watched: HasFileno) -> None:
    """Wait for `seconds`, or until a signal, a call of `wake`, or one of `watched` is readable."""
    reader = _pipe()[0]
    readers: list[int | HasFileno] = [reader, *watched]
    if reader in select.select(readers, [], [], seconds)[0]:
        os.read(reader, 4096)


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
