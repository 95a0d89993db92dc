"""Threads for calls to the store: where it is silent, calls that need no store still find a thread."""

import asyncio
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread
from obstore.exceptions import BaseError, GenericError

THREADS = 40

T = TypeVar("T")
Args = TypeVarTuple("Args")


class StoreThreads:
    """At most `THREADS` calls at a time, apart from the threads that all other calls share."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(THREADS)
        self._failed = False

    async def run(self, call: Callable[[*Args], T], *args: *Args) -> T:
        """The answer of `call`, which waits for a thread where none is free.

        Raises `obstore.exceptions.GenericError` if it had to wait and the store failed meanwhile: with
        another wait of its own it would be answered too late.
        """
        has_to_wait = self._free.locked()
        async with self._free:
            if has_to_wait and self._failed:
                raise GenericError(f"the store fails, and {THREADS} calls wait for it")
            try:
                answer = await to_thread.run_sync(call, *args, limiter=CapacityLimiter(1))
            except BaseError:
                self._failed = True
                raise
            self._failed = False
            return answer
