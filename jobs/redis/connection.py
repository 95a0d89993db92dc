"""Redis clients, with timeouts for their purpose."""

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
from jobs.redis.primary import AsyncCheckedWhenIdle, AsyncRetryRefused, CheckedWhenIdle, RetryRefused

CONNECT_TIMEOUT_S = 0.5
REPLY_TIMEOUT_S = 1.0
"""With these a submit gets its response within 2 s whenever Redis stops replying.

Admission comes first. Either it fails after one reply timeout of 0.5 s and two connect timeouts: 1.5 s, and
0.5 s more to search among silent Sentinels. Or its retry succeeds just in time, and `create` times out: 1.0 s
each.
"""
MAX_PAUSE_S = 1
IDLE_S = 10  # a connection that was idle for this long is checked before its next command
SPARE_CONNECTIONS = 10
"""In addition to one connection for each open call; redis-py's default is 100 in all, then errors."""

R = TypeVar("R", Redis, AsyncRedis)

log = logging.getLogger("superimpose.redis")


def await_redis(redis: Redis) -> None:
    """Wait until Redis replies, for processes that start before Redis; call it in the main thread.

    Raises `UnsuitableRedis`, and `SystemExit` at SIGTERM and SIGINT.
    """
    pause_s = 0.25
    with _exit_on_signals():
        while True:
            try:
                redis.ping()
                return
            except (ConnectionError, TimeoutError) as error:
                log.warning("Redis cannot be reached, trying again in %.1f s: %s", pause_s, error)
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, MAX_PAUSE_S)


@contextmanager
def _exit_on_signals() -> Iterator[None]:
    """Without a handler, PID 1 of a container ignores SIGTERM."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def connect(settings: Settings) -> Redis:
    """For writes on the request path: a timeout of one second, and only refused commands are retried.

    redis-py's default also retries after a timeout, which applies a move twice that was slow, not lost.
    """
    redis = open_redis(
        settings.effective_redis_url, socket_timeout=REPLY_TIMEOUT_S, health_check_interval=IDLE_S
    )
    return _with_connections(redis, CheckedWhenIdle)


def redis_time(redis: Redis) -> float:
    """Seconds since the epoch on Redis's clock, the only one that all hosts share."""
    seconds, microseconds = redis.time()
    return float(seconds) + float(microseconds) / 1_000_000


def connect_worker(settings: Settings) -> Redis:
    """For workers, which block on the queue: RQ sets the timeout. Only refused commands are retried."""
    redis = open_redis(settings.effective_redis_url)
    redis.set_response_callback("CLIENT INFO", _client_info)
    return redis


def connect_async(settings: Settings) -> AsyncRedis:
    """For reads, which are retried once, as clients give up at the first failed poll.

    Both tries together take no longer than a write.
    """
    redis = _open_async(settings, socket_timeout=REPLY_TIMEOUT_S / 2, retry=AsyncRetry(NoBackoff(), 1))
    return _with_connections(redis, _ClosedIsLost)


def connect_async_changes(settings: Settings, reply_timeout_s: float = REPLY_TIMEOUT_S) -> AsyncRedis:
    """For writes on the request path, like `connect`; allows a longer timeout if no client waits."""
    redis = _open_async(
        settings,
        socket_timeout=reply_timeout_s,
        retry=AsyncRetryRefused(NoBackoff(), 0),
        health_check_interval=IDLE_S,
    )
    return _with_connections(redis, _CheckedOrLost)


def _open_async(settings: Settings, **limits: Any) -> AsyncRedis:
    url = settings.effective_redis_url
    limits |= {
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "max_connections": settings.max_connections + SPARE_CONNECTIONS,
        **primary.ASYNC_OPTIONS,
    }
    if sentinel.is_sentinel_url(url):
        return sentinel.connect_async(url, CONNECT_TIMEOUT_S, **limits)
    return AsyncRedis.from_url(url, **limits)


class _ClosedIsLost:
    """Converts the RuntimeError of uvloop for a reset connection, which redis-py does not expect."""

    async def send_packed_command(self, *args: Any, **kwargs: Any) -> None:
        try:
            await super().send_packed_command(*args, **kwargs)  # type: ignore[misc]
        except RuntimeError as error:
            raise ConnectionError(f"the connection was closed: {error}") from error


class _CheckedOrLost(AsyncCheckedWhenIdle, _ClosedIsLost):
    pass


def _client_info(reply: bytes | str, **_: Any) -> dict[str, str]:
    """For RQ; redis-py's parser fails if the path of a socket has a space or an equals sign."""
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return {name: value for name, _, value in (field.partition("=") for field in text.split(" "))}


def open_redis(url: str, **limits: Any) -> Redis:
    """A client for any URL of SUPERIMPOSE_REDIS_URL; it connects at its first command.

    A wrong option in the URL raises ValueError, TypeError or `redis.RedisError` when a connection is made.
    """
    limits |= {
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "retry": RetryRefused(NoBackoff(), 0),
        **primary.OPTIONS,
    }
    if sentinel.is_sentinel_url(url):
        return sentinel.connect(url, CONNECT_TIMEOUT_S, **limits)
    return Redis.from_url(url, **limits)


def _with_connections(redis: R, mixin: type) -> R:
    pool: Any = redis.connection_pool
    pool.connection_class = type("Connection", (mixin, pool.connection_class), {})
    return redis
