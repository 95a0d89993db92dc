"""A Lua script in Redis."""

from collections.abc import Sequence
from hashlib import sha1
from time import perf_counter
from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import NoScriptError
from redis.typing import EncodableT

from telemetry import metrics


class Script:
    """Runs by its SHA-1; Redis has the text from the first time.

    redis-py's `Script` checks at each call whether its client is a pipeline, which takes as long as the rest.
    """

    def __init__(self, redis: Redis, text: str) -> None:
        self._redis = redis
        self._text = text
        self._sha1 = sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: Sequence[str] = (), args: Sequence[EncodableT] = ()) -> Any:
        asked_at = perf_counter()
        try:
            answer = self._redis.evalsha(self._sha1, len(keys), *keys, *args)
        except NoScriptError:
            answer = self._redis.eval(self._text, len(keys), *keys, *args)
        metrics.observe_redis(perf_counter() - asked_at)
        return answer


class AsyncScript:
    """The same for asyncio."""

    def __init__(self, redis: AsyncRedis, text: str) -> None:
        self._redis = redis
        self._text = text
        self._sha1 = sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: Sequence[str] = (), args: Sequence[EncodableT] = ()) -> Any:
        try:
            return await self._redis.evalsha(self._sha1, len(keys), *keys, *args)
        except NoScriptError:
            return await self._redis.eval(self._text, len(keys), *keys, *args)
