"""Names to addresses, with a deadline that `getaddrinfo` does not have."""

import socket
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

import httpcore

from worker.fetch.deadline import time_left

Resolve = Callable[[str, int], Sequence[str]]
"""(host, port) to every address of the name, as text. Raises OSError (or UnicodeError) when there is none."""

LOOKUPS_AT_ONCE = 32
"""Threads that may hang in a dead name server before further look-ups must wait for one of them."""


def system_resolve(host: str, port: int) -> list[str]:
    """Every address the operating system knows for `host`, in its order of preference (RFC 6724)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class TimedResolver:
    """Runs look-ups in daemon threads: one that hangs outlives the fetch, but not the process."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._slots = threading.BoundedSemaphore(LOOKUPS_AT_ONCE)

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Raises what the look-up raised, or httpcore.ConnectTimeout at the fetch's deadline."""
        if not self._slots.acquire(timeout=time_left()):
            raise httpcore.ConnectTimeout("all look-ups are busy")
        outcome: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()
        thread = threading.Thread(target=self._look_up, args=(host, port, outcome), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # out of threads
            self._slots.release()
            raise
        try:
            found = outcome.get(timeout=time_left())
        except Empty:
            raise httpcore.ConnectTimeout("the name server did not answer in time") from None
        if isinstance(found, Exception):
            raise found
        return found

    def _look_up(self, host: str, port: int, outcome: SimpleQueue[Sequence[str] | Exception]) -> None:
        try:
            outcome.put(self._resolve(host, port))
        except Exception as error:  # raised again in the calling thread
            outcome.put(error)
        finally:
            self._slots.release()
