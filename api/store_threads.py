"""Threads for calls to the store: a store that hangs must not take the threads of all other calls."""

import asyncio
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread
from obstore.exceptions import BaseError, GenericError

THREADS = 40

T = TypeVar("T")
Args = TypeVarTuple("Args")


class StoreThreads:
    """Runs at most `THREADS` calls at a time, outside the default thread pool."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(THREADS)
        self._failed = False

    async def run(self, call: Callable[[*Args], T], *args: *Args) -> T:
        """The result of `call`, once a thread is free.

        Raises `obstore.exceptions.GenericError` if it waited for a thread and the last call failed: waiting
        for the store's timeout as well would take too long.
        """
        has_to_wait = self._free.locked()
        async with self._free:
            if has_to_wait and self._failed:
                raise GenericError(f"the store fails, and {THREADS} calls wait for it")
            try:
                result = await to_thread.run_sync(call, *args, limiter=CapacityLimiter(1))
            except BaseError:
                self._failed = True
                raise
            self._failed = False
            return result
