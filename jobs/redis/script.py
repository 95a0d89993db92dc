"""A Lua script in Redis."""

from collections.abc import Sequence
from hashlib import sha1
from time import perf_counter
from typing import Any, Generic, TypeVar

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import NoScriptError
from redis.typing import EncodableT

from telemetry import metrics

R = TypeVar("R", Redis, AsyncRedis)


class _Script(Generic[R]):
    """Calls a script by its SHA-1, and sends its text only if Redis does not have it.

    redis-py's `Script` checks at each call whether its client is a pipeline, which doubles the time.
    """

    def __init__(self, redis: R, text: str) -> None:
        self._redis: R = redis
        self._text = text
        self._sha1 = sha1(text.encode(), usedforsecurity=False).hexdigest()


class Script(_Script[Redis]):
    """Measures its calls."""

    def __call__(self, keys: Sequence[str] = (), args: Sequence[EncodableT] = ()) -> Any:
        started_at = perf_counter()
        try:
            reply = self._redis.evalsha(self._sha1, len(keys), *keys, *args)
        except NoScriptError:
            reply = self._redis.eval(self._text, len(keys), *keys, *args)
        metrics.observe_redis(perf_counter() - started_at)
        return reply


class AsyncScript(_Script[AsyncRedis]):
    """For asyncio; does not measure its calls."""

    async def __call__(self, keys: Sequence[str] = (), args: Sequence[EncodableT] = ()) -> Any:
        try:
            return await self._redis.evalsha(self._sha1, len(keys), *keys, *args)
        except NoScriptError:
            return await self._redis.eval(self._text, len(keys), *keys, *args)
