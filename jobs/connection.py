"""Redis clients with time limits that fit their use."""

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs.settings import Settings

CONNECT_TIMEOUT_S = 1
ANSWER_TIMEOUT_S = 2


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
    """For reads, which may be repeated once: a client dies on the first failed poll."""
    return AsyncRedis.from_url(
        settings.effective_redis_url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        retry=AsyncRetry(NoBackoff(), 1),
    )
