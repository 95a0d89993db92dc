"""Threads for calls to the store: where it is silent, calls that need no store still find a thread."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread
from obstore.exceptions import GenericError

THREADS = 40
SILENT_S = 0.5

T = TypeVar("T")
Args = TypeVarTuple("Args")


class StoreThreads:
    """At most `THREADS` calls at a time, apart from the threads that all other calls share."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(THREADS)
        self._answered_at = 0.0

    async def run(self, call: Callable[[*Args], T], *args: *Args) -> T:
        """The answer of `call`, which waits for a thread as long as the store answers others.

        Raises `obstore.exceptions.GenericError` where all threads wait for a silent store.
        """
        while not await self._takes_thread():
            if time.monotonic() - self._answered_at > SILENT_S:
                raise GenericError(f"the store answers none of {THREADS} calls")
        try:
            answer = await to_thread.run_sync(call, *args, limiter=CapacityLimiter(1))
            self._answered_at = time.monotonic()
            return answer
        finally:
            self._free.release()

    async def _takes_thread(self) -> bool:
        try:
            async with asyncio.timeout(SILENT_S):
                await self._free.acquire()
        except TimeoutError:
            return False
        return True
