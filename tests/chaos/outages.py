"""Outages of what the processes need: Redis, the store, the receiver of events."""

import asyncio
import contextlib
import ctypes
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from tests.chaos.outside.proxy import Proxy
from tests.chaos.service import Service

BREATHE_S = 2
"""Pause between two outages of the same thing, so that they do not add up to a longer one."""

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


@asynccontextmanager
async def alone(lock: asyncio.Lock) -> AsyncIterator[None]:
    async with lock:
        yield
        await asyncio.sleep(BREATHE_S)


@contextlib.contextmanager
def setting(way: Proxy, flag: str) -> Iterator[None]:
    setattr(way, flag, True)
    yield
    setattr(way, flag, False)


async def slow_redis(service: Service, rng: Random) -> None:
    """Delay all data to and from Redis."""
    async with alone(service.redis_busy):
        service.proxy.latency_s = rng.uniform(0.02, 0.1)
        await asyncio.sleep(rng.uniform(1, 3))
        service.proxy.latency_s = 0


async def cut_redis(service: Service, rng: Random) -> None:
    """Break all connections to Redis and refuse new ones."""
    async with alone(service.redis_busy):
        service.proxy.refuses = True
        service.proxy.reset()
        await asyncio.sleep(rng.uniform(0.5, 3))
        service.proxy.refuses = False


async def silence_redis(service: Service, rng: Random) -> None:
    """A black hole: nothing arrives, then everything arrives late."""
    async with alone(service.redis_busy):
        service.proxy.holds_commands = service.proxy.holds_answers = True
        await asyncio.sleep(rng.uniform(0.5, 4))
        service.proxy.holds_commands = service.proxy.holds_answers = False


async def lose_answers(service: Service, rng: Random) -> None:
    """Redis executes commands, but its replies are lost."""
    async with alone(service.redis_busy):
        service.proxy.holds_answers = True
        await asyncio.sleep(rng.uniform(0.2, 2.5))
        service.proxy.reset()
        service.proxy.holds_answers = False


async def reset_redis(service: Service, rng: Random) -> None:
    """Reset all connections to Redis once."""
    async with alone(service.redis_busy):
        service.proxy.reset()


async def fill_redis(service: Service, rng: Random) -> None:
    """Redis is out of memory."""
    async with alone(service.redis_busy):
        service.redis.config_set("maxmemory", 1)
        await asyncio.sleep(rng.uniform(0.5, 3))
        service.redis.config_set("maxmemory", 0)


async def kill_redis(service: Service, rng: Random) -> None:
    """SIGKILL Redis, and restart it on its file."""
    async with alone(service.redis_busy):
        service.redis_pair.primary.kill()
        await asyncio.sleep(rng.uniform(0.2, 1.5))
        await asyncio.to_thread(service.redis_pair.primary.start)


async def fail_over_redis(service: Service, rng: Random) -> None:
    """Promote a replica behind the same address; connections to the old primary stay open."""
    async with alone(service.redis_busy):
        await asyncio.to_thread(service.redis_pair.fail_over)
        await asyncio.sleep(rng.uniform(0, 0.5))  # the address still leads to the old one
        for way in (service.proxy, service.direct_proxy):
            way.upstream_port = service.redis_pair.primary.port
        service.direct_proxy.reset()


async def lose_store(service: Service, rng: Random) -> None:
    """Replace the store's directory by a file: nothing can be read or written, even by root."""
    async with alone(service.store_busy):
        stand_in = service.store.with_name("stand-in")
        stand_in.touch()
        _exchange(service.store, stand_in)
        try:
            await asyncio.sleep(rng.uniform(0.5, 2.5))
        finally:
            _exchange(service.store, stand_in)
            stand_in.unlink()


async def lose_receiver(service: Service, rng: Random) -> None:
    """The receiver refuses connections or is silent; then all connections are reset."""
    flag = rng.choice(["refuses", "holds_commands", "holds_answers"])
    async with alone(service.receiver_busy):
        with setting(service.receiver_proxy, flag):
            if flag == "refuses":
                service.receiver_proxy.reset()
            await asyncio.sleep(rng.uniform(1, 8))
            service.receiver_proxy.reset()


def _exchange(one: Path, other: Path) -> None:
    """Swap two names atomically, so that no process can create a directory in between."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, bytes(one), AT_FDCWD, bytes(other), RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), f"cannot exchange {one} and {other}")
