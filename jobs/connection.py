"""Redis clients with time limits that fit their use."""

import logging
import time

from redis import ConnectionError, Redis, TimeoutError
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs.settings import Settings

CONNECT_TIMEOUT_S = 1
ANSWER_TIMEOUT_S = 2
LONGEST_PAUSE_S = 10

log = logging.getLogger("superimpose.redis")


def await_redis(redis: Redis) -> None:
    """Wait until Redis answers, saying so; for processes that start before it."""
    pause_s = 0.25
    while True:
        try:
            redis.ping()
            return
        except (ConnectionError, TimeoutError) as error:
            log.warning("Redis cannot be reached, trying again in %.1f s: %s", pause_s, error)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def connect(settings: Settings) -> Redis:
    """For changes on the request path: gives up in seconds and never repeats a command by itself.

    redis-py's default repeats commands, which would apply a step twice that was slow, not lost.
    """
    return Redis.from_url(
        settings.effective_redis_url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def connect_worker(settings: Settings) -> Redis:
    """For workers, which block on the queue: RQ sets the time limits it needs."""
    return Redis.from_url(settings.effective_redis_url)


def connect_async(settings: Settings) -> AsyncRedis:
    """For reads, which may be repeated once: a client dies on the first failed poll.

    With its repetition a read gives up when a change would.
    """
    return AsyncRedis.from_url(
        settings.effective_redis_url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S / 2,
        retry=AsyncRetry(NoBackoff(), 1),
    )
