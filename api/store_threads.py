"""Threads for calls to the store: where it is silent, calls that need no store still find a thread."""

import asyncio
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread
from obstore.exceptions import GenericError

THREADS = 40
LONGEST_WAIT_S = 0.5

T = TypeVar("T")
Args = TypeVarTuple("Args")


class StoreThreads:
    """At most `THREADS` calls at a time, apart from the threads that all other calls share."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(THREADS)

    async def run(self, call: Callable[[*Args], T], *args: *Args) -> T:
        """The answer of `call`. Raises `obstore.exceptions.GenericError` if no thread is free soon."""
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                await self._free.acquire()
        except TimeoutError:
            raise GenericError(f"all {THREADS} threads of the store are busy") from None
        try:
            return await to_thread.run_sync(call, *args, limiter=CapacityLimiter(1))
        finally:
            self._free.release()
