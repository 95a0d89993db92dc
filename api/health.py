"""What the service needs, as it is now: read at most once a second, however many clients ask."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from fastapi.concurrency import run_in_threadpool
from obstore.exceptions import BaseError as StoreError
from redis import Redis, RedisError

from jobs.pictures.store import PictureStore
from jobs.queries.queue_state import QueueState, read_queue_state

PATIENCE_S = 2.0

T = TypeVar("T")


class SharedAnswer(Generic[T]):
    """One call of `find` for all that ask while it runs, or within `life_s` of its start."""

    def __init__(self, find: Callable[[], Awaitable[T]], life_s: float = 1.0) -> None:
        self._find = find
        self._life_s = life_s
        self._found: asyncio.Future[T] | None = None
        self._asked_at = 0.0

    async def get(self) -> T:
        now = time.monotonic()
        if self._found is None or (self._found.done() and now - self._asked_at >= self._life_s):
            self._found = asyncio.ensure_future(self._find())
            self._found.add_done_callback(_seen)
            self._asked_at = now
        return await asyncio.shield(self._found)


def _seen(found: "asyncio.Future[T]") -> None:
    """Keep asyncio from reporting an error that no call awaits any more."""
    if not found.cancelled():
        found.exception()


class Health:
    def __init__(self, redis: Redis, store: PictureStore) -> None:
        self._store = store
        self._state = SharedAnswer(partial(run_in_threadpool, read_queue_state, redis))
        self._missing = SharedAnswer(self._look_for_missing)

    async def state(self) -> QueueState:
        """Raises `redis.RedisError`."""
        return await self._state.get()

    async def missing(self) -> list[str]:
        """Which of redis, store and worker there is not; without Redis the workers are unknown."""
        return await self._missing.get()

    async def _look_for_missing(self) -> list[str]:
        state, kept = await asyncio.gather(_or_none(self.state()), _or_none(self._store.try_to_write()))
        missing = {
            "redis": state is None,
            "store": kept is None,
            "worker": state is not None and not any(state.workers.values()),
        }
        return [name for name, is_missing in missing.items() if is_missing]


async def _or_none(looked_for: Awaitable[T]) -> T | None:
    """None for what fails, or does not answer in time."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await looked_for
    except (RedisError, StoreError, TimeoutError):
        return None
