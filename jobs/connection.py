"""Redis clients with time limits that fit their use."""

import contextlib
import logging
import time
from typing import Any

from redis import ConnectionError, Redis, RedisError, TimeoutError
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from jobs import sentinel
from jobs.settings import Settings

CONNECT_TIMEOUT_S = 0.5
ANSWER_TIMEOUT_S = 1.0
"""With these a submit is answered within 2 s, whenever in it Redis falls silent.

The key is read first: an answer that does not come, then two connections that fail, is 1.5 s. Or it comes
at the repetition, just in time, and the change that follows fails: 1.0 s and 1.0 s. Behind Sentinels one
search that meets silent ones, 0.5 s, may come on top of the first case; the next begins with one that spoke.
"""
LONGEST_PAUSE_S = 1
OLDEST_REDIS = 7
"""Major version: our scripts need what came with it."""
SPARE_CONNECTIONS = 10
"""Every call that the API has open may wait for Redis at a time; beyond redis-py's 100 they would fail."""

log = logging.getLogger("superimpose.redis")


class UnsuitableRedis(RedisError):
    """The server cannot be worked with, however long one waits; the text says what to do."""


def refuse_old(redis: Redis) -> None:
    """Raises `UnsuitableRedis`, unless an ACL hides the version. A Valkey calls itself Redis 7.2 here."""
    with contextlib.suppress(NoPermissionError):
        version = str(redis.info("server")["redis_version"])
        if int(version.partition(".")[0]) < OLDEST_REDIS:
            raise UnsuitableRedis(
                f"SUPERIMPOSE_REDIS_URL names a Redis {version}: use Redis {OLDEST_REDIS} or newer, or Valkey"
            )


def await_redis(redis: Redis) -> None:
    """Wait until Redis answers, saying so; for processes that start before it.

    Raises `UnsuitableRedis`.
    """
    pause_s = 0.25
    while True:
        try:
            refuse_old(redis)
            return
        except (ConnectionError, TimeoutError) as error:
            log.warning("Redis cannot be reached, trying again in %.1f s: %s", pause_s, error)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def connect(settings: Settings) -> Redis:
    """For changes on the request path: gives up in a second and never repeats a command by itself.

    redis-py's default repeats commands, which would apply a step twice that was slow, not lost.
    """
    return _open(
        settings,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def redis_time(redis: Redis) -> float:
    """Seconds since the epoch on Redis's clock, the only one that all hosts share."""
    seconds, microseconds = redis.time()
    return float(seconds) + float(microseconds) / 1_000_000


def connect_worker(settings: Settings) -> Redis:
    """For workers, which block on the queue: RQ sets the time limits it needs. Repeats nothing either."""
    redis = _open(settings, retry=Retry(NoBackoff(), 0))
    redis.set_response_callback("CLIENT INFO", _client_info)
    return redis


def connect_async(settings: Settings) -> AsyncRedis:
    """For reads, which may be repeated once: a client dies on the first failed poll.

    With its repetition a read gives up when a change would.
    """
    url = settings.effective_redis_url
    limits: dict[str, Any] = {
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_timeout": ANSWER_TIMEOUT_S / 2,
        "retry": AsyncRetry(NoBackoff(), 1),
        "max_connections": settings.max_connections + SPARE_CONNECTIONS,
    }
    if sentinel.is_sentinel_url(url):
        redis = sentinel.connect_async(url, CONNECT_TIMEOUT_S, **limits)
    else:
        redis = AsyncRedis.from_url(url, **limits)
    pool = redis.connection_pool
    pool.connection_class = type("Connection", (_ClosedIsLost, pool.connection_class), {})
    return redis


class _ClosedIsLost:
    """uvloop has an error of its own for a connection that was reset meanwhile; redis-py does not know it."""

    async def send_packed_command(self, *args: Any, **kwargs: Any) -> None:
        try:
            await super().send_packed_command(*args, **kwargs)  # type: ignore[misc]
        except RuntimeError as error:
            raise ConnectionError(f"the connection was closed: {error}") from error


def _client_info(reply: bytes | str, **_: Any) -> dict[str, str]:
    """RQ asks for it; redis-py's own parser fails where a socket's path has a space or an equals sign."""
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return {name: value for name, _, value in (field.partition("=") for field in text.split(" "))}


def _open(settings: Settings, **limits: Any) -> Redis:
    url = settings.effective_redis_url
    if sentinel.is_sentinel_url(url):
        return sentinel.connect(url, CONNECT_TIMEOUT_S, **limits)
    return Redis.from_url(url, **limits)
