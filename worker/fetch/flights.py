"""Collapses concurrent fetches of the same URL for the same owner into one request.

RFC 9111, section 4, allows this if the response may be used for more than one request; otherwise each thread
then sends its own. Responses are not remembered here: later fetches use the cache or ask the server.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import NamedTuple

from compositor import File
from jobs.network.urls import Target
from worker.fetch.deadline import TICK_S, DeadlinePassed, time_left
from worker.fetch.errors import FAILURES, Fault, fault_of

Key = tuple[str, str]  # URL and owner


class Hop(NamedTuple):
    """The result of one request: a file, the target of a redirect, or a fault."""

    result: File | Target | Fault
    is_shareable: bool


class Flights:
    """The requests in progress. Shared by threads, each with its own deadline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_progress: dict[Key, Future[Hop | None]] = {}

    def join(self, key: Key, request: Callable[[], Hop]) -> tuple[Hop, bool]:
        """The result of `request`, called here or by another thread for the same key; whether it was here.

        A network failure in the other thread becomes a fault here. If that thread's deadline passes or its
        job ends, one of the waiting threads sends the request again.
        """
        while True:
            with self._lock:
                flight = self._in_progress.get(key)
                if flight is None:
                    mine = self._in_progress[key] = Future()
            if flight is None:
                return self._lead(key, mine, request), True
            while not flight.done():
                wait([flight], time_left(TICK_S))
            hop = flight.result()
            if hop is not None:
                return (hop, False) if hop.is_shareable else (request(), True)

    def _lead(self, key: Key, flight: "Future[Hop | None]", request: Callable[[], Hop]) -> Hop:
        outcome: Hop | None = None
        try:
            outcome = hop = request()
        except FAILURES as error:
            with suppress(DeadlinePassed):
                time_left()  # after this thread's deadline, the other threads may still have time to try
                outcome = Hop(fault_of(error), is_shareable=True)
            raise
        finally:
            with self._lock:
                del self._in_progress[key]
            flight.set_result(outcome)
        return hop
