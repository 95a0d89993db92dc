"""An answer that costs something and that many ask for."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedAnswer(Generic[T]):
    """Whoever asks while `find` is under way, or within `life_s` of its start, gets the same answer."""

    def __init__(self, find: Callable[[], Awaitable[T]], life_s: float = 1.0) -> None:
        self._find = find
        self._life_s = life_s
        self._found: asyncio.Future[T] | None = None
        self._asked_at = 0.0

    async def get(self) -> T:
        """The answer, or what `find` raised."""
        now = time.monotonic()
        if self._found is None or (self._found.done() and now - self._asked_at >= self._life_s):
            self._found = asyncio.ensure_future(self._find())
            self._found.add_done_callback(_seen)
            self._asked_at = now
        return await asyncio.shield(self._found)


def _seen(found: "asyncio.Future[T]") -> None:
    """An error that nobody waited for long enough is no news."""
    if not found.cancelled():
        found.exception()
