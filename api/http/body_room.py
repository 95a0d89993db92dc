"""How many bytes of bodies are in memory at a time: of one key, and of all."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WAIT_S = 10
SMALL = 64 * 1024
"""Bytes of a body that are not counted: connections are bounded."""

BODIES = 16
"""Bodies of the largest size that all keys may have in memory; one takes about three times its size there."""

BODIES_OF_A_KEY = 4


class NoRoom(Exception):
    """No room within `WAIT_S`: others' bodies did not end."""


class BodyRoom:
    """Room for bodies of at most `max_body_bytes`; a call takes its share before it reads a byte."""

    def __init__(self, max_body_bytes: int) -> None:
        self._of_all = BODIES * max_body_bytes
        self._of_a_key = BODIES_OF_A_KEY * max_body_bytes
        self._taken: Counter[str] = Counter()
        self._given_back = asyncio.Condition()

    @asynccontextmanager
    async def take(self, key_id: str, size: int) -> AsyncIterator[None]:
        """Room for `size` bytes of a key, waiting for it while there is none. Raises `NoRoom`."""
        if size <= SMALL:
            yield
            return
        await self._wait(key_id, size)
        self._taken[key_id] += size
        try:
            yield
        finally:
            await self._give_back(key_id, size)

    async def _wait(self, key_id: str, size: int) -> None:
        try:
            async with asyncio.timeout(WAIT_S), self._given_back:
                await self._given_back.wait_for(lambda: self._fits(key_id, size))
        except TimeoutError:
            raise NoRoom from None

    def _fits(self, key_id: str, size: int) -> bool:
        of_a_key = self._taken[key_id] + size <= self._of_a_key
        return of_a_key and self._taken.total() + size <= self._of_all

    async def _give_back(self, key_id: str, size: int) -> None:
        self._taken[key_id] -= size
        if not self._taken[key_id]:
            del self._taken[key_id]
        async with self._given_back:
            self._given_back.notify_all()
