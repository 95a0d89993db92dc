"""One request to a server for all that ask for the same while it is under way.

RFC 9111, section 4, lets a cache collapse requests, if the answer may be used for more than one; where it may
not, each then asks for itself. Once an answer is there, nothing of it is remembered here: what asks later is
the cache's to answer, or asks the server.
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
    """What a URL has: a file, the address to ask instead, or a fault; whether others may be given it."""

    found: File | Target | Fault
    can_be_shared: bool


class Flights:
    """Requests under way. Shared by threads, each with a deadline of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Key, Future[Hop | None]] = {}

    def join(self, key: Key, ask: Callable[[], Hop]) -> tuple[Hop, bool]:
        """What `ask` returns here, or in the thread that asks already; whether it was here.

        Of what `ask` raises in another thread only failures of the network count here, as a fault. When that
        thread's deadline passes or its job ends, another one asks.
        """
        while True:
            with self._lock:
                flight = self._under_way.get(key)
                if flight is None:
                    mine = self._under_way[key] = Future()
            if flight is None:
                return self._lead(key, mine, ask), True
            while not flight.done():
                wait([flight], time_left(TICK_S))
            hop = flight.result()
            if hop is not None:
                return (hop, False) if hop.can_be_shared else (ask(), True)

    def _lead(self, key: Key, flight: "Future[Hop | None]", ask: Callable[[], Hop]) -> Hop:
        outcome: Hop | None = None
        try:
            outcome = hop = ask()
        except FAILURES as error:
            with suppress(DeadlinePassed):
                time_left()  # else it may have failed for want of time, which the others may have
                outcome = Hop(fault_of(error), can_be_shared=True)
            raise
        finally:
            with self._lock:
                del self._under_way[key]
            flight.set_result(outcome)
        return hop
