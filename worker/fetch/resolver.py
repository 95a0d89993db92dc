"""Names to addresses, with a deadline that `getaddrinfo` does not have."""

import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue

import httpcore

from jobs.network.resolve import LOOKUPS_AT_ONCE, Resolve
from worker.fetch.deadline import time_left


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
