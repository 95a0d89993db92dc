"""Resolves host names with a deadline, which `getaddrinfo` lacks."""

import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue

import httpcore

from jobs.network.guard import LOOKUPS_AT_ONCE, Resolve
from worker.fetch.deadline import time_left


class TimedResolver:
    """Runs look-ups in daemon threads, so that a hanging one delays neither the fetch nor the exit."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._slots = threading.BoundedSemaphore(LOOKUPS_AT_ONCE)

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Raises the error of the look-up, or httpcore.ConnectTimeout at the fetch's deadline."""
        if not self._slots.acquire(timeout=time_left()):
            raise httpcore.ConnectTimeout("all look-ups are busy")
        result: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()
        thread = threading.Thread(target=self._look_up, args=(host, port, result), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # out of threads
            self._slots.release()
            raise
        try:
            addresses = result.get(timeout=time_left())
        except Empty:
            raise httpcore.ConnectTimeout("the name server did not answer in time") from None
        if isinstance(addresses, Exception):
            raise addresses
        return addresses

    def _look_up(self, host: str, port: int, result: SimpleQueue[Sequence[str] | Exception]) -> None:
        try:
            result.put(self._resolve(host, port))
        except Exception as error:  # raised again in the calling thread
            result.put(error)
        finally:
            self._slots.release()
