"""Redis clients with time limits that fit their use."""

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from redis import ConnectionError, Redis, TimeoutError
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff

from jobs.config.settings import Settings
from jobs.redis import primary, sentinel
from jobs.redis.primary import AskedWhenIdle, RepeatRefused

CONNECT_TIMEOUT_S = 0.5
ANSWER_TIMEOUT_S = 1.0
"""With these a submit is answered within 2 s, whenever in it Redis falls silent.

The key is read first: an answer that does not come, then two connections that fail, is 1.5 s. Or it comes
at the repetition, just in time, and the change that follows fails: 1.0 s and 1.0 s. Behind Sentinels one
search that meets silent ones, 0.5 s, may come on top of the first case; the next begins with one that spoke.
"""
LONGEST_PAUSE_S = 1
IDLE_S = 10
"""A connection on which nothing was said for so long is asked first whether it still works."""
SPARE_CONNECTIONS = 10
"""Every call that the API has open may wait for Redis at a time; beyond redis-py's 100 they would fail."""

R = TypeVar("R", Redis, AsyncRedis)

log = logging.getLogger("superimpose.redis")


def await_redis(redis: Redis) -> None:
    """Wait until Redis answers, saying so; for processes that start before it, in their main thread.

    Raises `UnsuitableRedis`, and `SystemExit` at SIGTERM and SIGINT.
    """
    pause_s = 0.25
    with _ended_by_signals():
        while True:
            try:
                redis.ping()
                return
            except (ConnectionError, TimeoutError) as error:
                log.warning("Redis cannot be reached, trying again in %.1f s: %s", pause_s, error)
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Without a handler the first process of a container would not even notice SIGTERM."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def connect(settings: Settings) -> Redis:
    """For changes on the request path: gives up in a second and repeats only what Redis refused.

    redis-py's default repeats commands, which would apply a step twice that was slow, not lost.
    """
    redis = open_redis(
        settings.effective_redis_url,
        socket_timeout=ANSWER_TIMEOUT_S,
        health_check_interval=IDLE_S,
    )
    return _with_connections(redis, AskedWhenIdle)


def redis_time(redis: Redis) -> float:
    """Seconds since the epoch on Redis's clock, the only one that all hosts share."""
    seconds, microseconds = redis.time()
    return float(seconds) + float(microseconds) / 1_000_000


def connect_worker(settings: Settings) -> Redis:
    """For workers, which block on the queue: RQ sets the time limit it needs. Repeats no more either."""
    redis = open_redis(settings.effective_redis_url)
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
        **primary.async_options(),
    }
    if sentinel.is_sentinel_url(url):
        redis = sentinel.connect_async(url, CONNECT_TIMEOUT_S, **limits)
    else:
        redis = AsyncRedis.from_url(url, **limits)
    return _with_connections(redis, _ClosedIsLost)


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


def open_redis(url: str, **limits: Any) -> Redis:
    """A client for any URL of SUPERIMPOSE_REDIS_URL; it connects at its first command.

    A wrong option in the URL shows where a connection is made: ValueError, TypeError or `redis.RedisError`.
    """
    limits |= {
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "retry": RepeatRefused(NoBackoff(), 0),
        **primary.options(),
    }
    if sentinel.is_sentinel_url(url):
        return sentinel.connect(url, CONNECT_TIMEOUT_S, **limits)
    return Redis.from_url(url, **limits)


def _with_connections(redis: R, of: type) -> R:
    pool: Any = redis.connection_pool
    pool.connection_class = type("Connection", (of, pool.connection_class), {})
    return redis
