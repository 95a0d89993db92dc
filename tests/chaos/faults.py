"""The faults: each is done to the service, lasts no longer than it should survive, and is taken back."""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from jobs.webhooks.scripts import LEASE_S as EVENT_LEASE_S
from tests.chaos import clock
from tests.chaos.outside.proxy import Proxy
from tests.chaos.process_table import children
from tests.chaos.role import Role
from tests.chaos.service import LEASE_S, Service

Fault = Callable[[Service, Random], Awaitable[None]]

BREATHE_S = 2
"""Between two troubles of the same Redis, store, API or receiver: they never add up to a longer one."""

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


@asynccontextmanager
async def _one_of(roles: list[Role], rng: Random) -> AsyncIterator[Role]:
    """A process that suffers nothing else meanwhile, preferably one that does not now."""
    while True:
        idle = [role for role in roles if not role.busy.locked()]
        role = rng.choice(idle or roles)
        async with role.busy:
            if role in roles:  # it may have been removed meanwhile
                yield role
                return


@asynccontextmanager
async def _alone(lock: asyncio.Lock) -> AsyncIterator[None]:
    async with lock:
        yield
        await asyncio.sleep(BREATHE_S)


@contextlib.contextmanager
def _set(way: Proxy, flag: str) -> Iterator[None]:
    setattr(way, flag, True)
    yield
    setattr(way, flag, False)


async def kill_child(service: Service, rng: Random) -> None:
    """SIGKILL the process that decodes and composes."""
    async with _one_of(service.workers, rng) as worker:
        await service.await_worker(worker)
        with contextlib.suppress(ProcessLookupError):
            os.kill(children(worker.pid)[0], signal.SIGKILL)


async def kill_worker(service: Service, rng: Random) -> None:
    """SIGKILL a worker process, which its child notices."""
    async with _one_of(service.workers, rng) as worker:
        await _end_worker(service, worker, signal.SIGKILL)


async def restart_worker(service: Service, rng: Random) -> None:
    """SIGTERM a worker, as a rolling restart does."""
    async with _one_of(service.workers, rng) as worker:
        await _end_worker(service, worker, signal.SIGTERM)


async def remove_worker(service: Service, rng: Random) -> None:
    """A scale-in by one: SIGTERM, with what it has in hand; the last one goes when another has come."""
    async with _one_of(service.workers, rng) as worker:
        if service.workers == [worker]:
            await service.add_worker()
        await service.remove_worker(worker)


async def kill_api(service: Service, rng: Random) -> None:
    """SIGKILL the API."""
    await _end_api(service, signal.SIGKILL)


async def restart_api(service: Service, rng: Random) -> None:
    """SIGTERM the API."""
    await _end_api(service, signal.SIGTERM)


async def freeze_worker(service: Service, rng: Random) -> None:
    """SIGSTOP a worker, mostly with its child, for longer than a lease; another may take over its job."""
    async with _one_of(service.workers, rng) as worker:
        await service.await_worker(worker)
        frozen = [worker.pid, *(children(worker.pid) if rng.random() < 0.7 else [])]
        try:
            _signal(frozen, signal.SIGSTOP)
            await asyncio.sleep(LEASE_S + rng.uniform(0.5, 3))
        finally:
            _signal(frozen, signal.SIGCONT)


async def kill_sender(service: Service, rng: Random) -> None:
    """SIGKILL what sends events, while calls, answers, claims or reports of it are on their way."""
    ways = (service.receiver_way, service.receiver_busy), (service.proxy, service.redis_busy)
    (way, busy), flag = rng.choice(ways), rng.choice(["holds_commands", "holds_answers"])
    async with _one_of(service.senders, rng) as sender:
        await service.await_sender(sender)
        async with _alone(busy):
            with _set(way, flag):
                await asyncio.sleep(rng.uniform(0.5, 3))
                sender.end(signal.SIGKILL)
            await sender.ended()
        await service.await_sender(sender)


async def restart_sender(service: Service, rng: Random) -> None:
    """SIGTERM what sends events."""
    async with _one_of(service.senders, rng) as sender:
        await _end_sender(service, sender, signal.SIGTERM)


async def freeze_sender(service: Service, rng: Random) -> None:
    """SIGSTOP what sends events for longer than its leases; the other sends them, and then it goes on."""
    async with _one_of(service.senders, rng) as sender:
        await service.await_sender(sender)
        try:
            _signal([sender.pid], signal.SIGSTOP)
            await asyncio.sleep(EVENT_LEASE_S + rng.uniform(0.5, 3))
        finally:
            _signal([sender.pid], signal.SIGCONT)


async def lose_receiver(service: Service, rng: Random) -> None:
    """The receiver takes no connection, or is silent; then all are reset, with answers on their way."""
    flag = rng.choice(["refuses", "holds_commands", "holds_answers"])
    async with _alone(service.receiver_busy):
        with _set(service.receiver_way, flag):
            if flag == "refuses":
                service.receiver_way.reset()
            await asyncio.sleep(rng.uniform(1, 8))
            service.receiver_way.reset()


async def shift_clock(service: Service, rng: Random) -> None:
    """Restart a worker or a sender with a clock that is ahead, and after a while with the right one."""
    kind, end = rng.choice([(service.workers, _end_worker), (service.senders, _end_sender)])
    async with _one_of(kind, rng) as role:
        role.extra_env = clock.shifted() or {}
        try:
            await end(service, role, signal.SIGTERM)
            await asyncio.sleep(rng.uniform(3, 6))
        finally:
            role.extra_env = {}
        await end(service, role, signal.SIGTERM)


async def slow_redis(service: Service, rng: Random) -> None:
    """Every piece of data to and from Redis takes its time."""
    async with _alone(service.redis_busy):
        service.proxy.latency_s = rng.uniform(0.02, 0.1)
        await asyncio.sleep(rng.uniform(1, 3))
        service.proxy.latency_s = 0


async def cut_redis(service: Service, rng: Random) -> None:
    """No connection to Redis lives, and none is made."""
    async with _alone(service.redis_busy):
        service.proxy.refuses = True
        service.proxy.reset()
        await asyncio.sleep(rng.uniform(0.5, 3))
        service.proxy.refuses = False


async def silence_redis(service: Service, rng: Random) -> None:
    """A black hole: nothing arrives, and then everything does, late."""
    async with _alone(service.redis_busy):
        service.proxy.holds_commands = service.proxy.holds_answers = True
        await asyncio.sleep(rng.uniform(0.5, 4))
        service.proxy.holds_commands = service.proxy.holds_answers = False


async def lose_answers(service: Service, rng: Random) -> None:
    """Redis does what it is told, and its answers are lost."""
    async with _alone(service.redis_busy):
        service.proxy.holds_answers = True
        await asyncio.sleep(rng.uniform(0.2, 2.5))
        service.proxy.reset()
        service.proxy.holds_answers = False


async def reset_redis(service: Service, rng: Random) -> None:
    """Every connection to Redis is reset, once."""
    async with _alone(service.redis_busy):
        service.proxy.reset()


async def fill_redis(service: Service, rng: Random) -> None:
    """Redis has no memory for anything more."""
    async with _alone(service.redis_busy):
        service.redis.config_set("maxmemory", 1)
        await asyncio.sleep(rng.uniform(0.5, 3))
        service.redis.config_set("maxmemory", 0)


async def kill_redis(service: Service, rng: Random) -> None:
    """SIGKILL Redis, and start it again on what it has written."""
    async with _alone(service.redis_busy):
        service.redis_pair.primary.kill()
        await asyncio.sleep(rng.uniform(0.2, 1.5))
        await asyncio.to_thread(service.redis_pair.primary.start)


async def fail_over_redis(service: Service, rng: Random) -> None:
    """A replica becomes the primary behind the same address; connections to the old one stay open."""
    async with _alone(service.redis_busy):
        await asyncio.to_thread(service.redis_pair.fail_over)
        await asyncio.sleep(rng.uniform(0, 0.5))  # as long the address leads to the old one
        for way in (service.proxy, service.own_way):
            way.upstream_port = service.redis_pair.primary.port
        service.own_way.reset()


async def lose_store(service: Service, rng: Random) -> None:
    """A file stands where the store's directory was: nothing can be read or written, even by root."""
    async with _alone(service.store_busy):
        stand_in = service.store.with_name("stand-in")
        stand_in.touch()
        _exchange(service.store, stand_in)
        try:
            await asyncio.sleep(rng.uniform(0.5, 2.5))
        finally:
            _exchange(service.store, stand_in)
            stand_in.unlink()


KINDS: dict[str, Fault] = {
    "kill child": kill_child,
    "kill worker": kill_worker,
    "kill api": kill_api,
    "kill sender": kill_sender,
    "kill redis": kill_redis,
    "add worker": lambda service, _: service.add_worker(),
    "remove worker": remove_worker,
    "restart worker": restart_worker,
    "restart api": restart_api,
    "restart sender": restart_sender,
    "freeze worker": freeze_worker,
    "freeze sender": freeze_sender,
    "shift clock": shift_clock,
    "slow redis": slow_redis,
    "cut redis": cut_redis,
    "silence redis": silence_redis,
    "lose answers": lose_answers,
    "reset redis": reset_redis,
    "fail over redis": fail_over_redis,
    "fill redis": fill_redis,
    "lose store": lose_store,
    "lose receiver": lose_receiver,
}

KILLS = frozenset({"kill child", "kill worker", "kill api", "kill sender"})
"""Faults of single processes, which must cost no request anything."""


async def _end_worker(service: Service, worker: Role, number: signal.Signals) -> None:
    worker.end(number)
    await worker.ended()
    await service.await_worker(worker)


async def _end_sender(service: Service, sender: Role, number: signal.Signals) -> None:
    sender.end(number)
    await sender.ended()
    await service.await_sender(sender)


async def _end_api(service: Service, number: signal.Signals) -> None:
    async with _alone(service.api.busy):
        service.api.end(number)
        await service.api.ended()
        await service.await_api()


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _exchange(one: Path, other: Path) -> None:
    """Swap two names in one step, so that nobody can make a directory in between."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, bytes(one), AT_FDCWD, bytes(other), RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), f"cannot exchange {one} and {other}")
