"""The state of the queue, and of Redis, store and workers, read at most once a second for all clients."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from fastapi.concurrency import run_in_threadpool
from obstore.exceptions import BaseError as StoreError
from redis import Redis, RedisError

from jobs.pictures.store import PictureStore
from jobs.queries.queue_state import read_queue_state

TIMEOUT_S = 2.0

T = TypeVar("T")


class SharedResult(Generic[T]):
    """Callers share the result of one call of `load` while it runs, and for `ttl_s` from its start."""

    def __init__(self, load: Callable[[], Awaitable[T]], ttl_s: float = 1.0) -> None:
        self._load = load
        self._ttl_s = ttl_s
        self._result: asyncio.Future[T] | None = None
        self._loaded_at = 0.0

    async def get(self) -> T:
        now = time.monotonic()
        if self._result is None or (self._result.done() and now - self._loaded_at >= self._ttl_s):
            self._result = asyncio.ensure_future(self._load())
            self._result.add_done_callback(_retrieve_exception)
            self._loaded_at = now
        return await asyncio.shield(self._result)


def _retrieve_exception(result: "asyncio.Future[T]") -> None:
    """Keep asyncio from reporting an error when all callers have gone."""
    if not result.cancelled():
        result.exception()


class Health:
    def __init__(self, redis: Redis, store: PictureStore) -> None:
        self._store = store
        self.state = SharedResult(partial(run_in_threadpool, read_queue_state, redis)).get
        self.missing = SharedResult(self._find_missing).get

    async def _find_missing(self) -> list[str]:
        """Which of redis, store and worker are unavailable; workers are unknown without Redis."""
        state, stored = await asyncio.gather(_or_none(self.state()), _or_none(self._store.try_to_write()))
        missing = {
            "redis": state is None,
            "store": stored is None,
            "worker": state is not None and not any(state.workers.values()),
        }
        return [name for name, is_missing in missing.items() if is_missing]


async def _or_none(check: Awaitable[T]) -> T | None:
    """None if `check` fails or takes longer than `TIMEOUT_S`."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await check
    except (RedisError, StoreError, TimeoutError):
        return None
