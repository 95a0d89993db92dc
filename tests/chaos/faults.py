"""Faults of processes: each lasts no longer than the service should survive, and is then undone."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha1
from random import Random

from jobs.batches.progress import script
from jobs.redis.script import OOM_EXEMPT
from jobs.webhooks.schedule import LEASE_S as EVENT_LEASE_S
from tests.chaos import clock, outages
from tests.chaos.outages import alone, setting
from tests.chaos.outside.proxy import Trap
from tests.chaos.process_table import children
from tests.chaos.role import Role
from tests.chaos.service import LEASE_S, Service

Fault = Callable[[Service, Random], Awaitable[None]]

BATCH_STEPS = (script("stage.lua"), script("accept.lua"), OOM_EXEMPT + script("enter.lua"))
BATCHES_TRIED, BATCH_COMES_IN_S = 3, 4
LOOK_AGAIN_S = 0.01


@asynccontextmanager
async def _one_of(roles: list[Role], rng: Random) -> AsyncIterator[Role]:
    """A process without another fault, preferably one that had none recently."""
    while True:
        idle = [role for role in roles if not role.busy.locked()]
        role = rng.choice(idle or roles)
        async with role.busy:
            if role in roles:  # it may have been removed
                yield role
                return


async def kill_child(service: Service, rng: Random) -> None:
    """SIGKILL a child, which decodes and composes."""
    async with _one_of(service.workers, rng) as worker:
        await service.await_ready(worker)
        _signal(children(worker.pid)[:1], signal.SIGKILL)


async def kill_worker(service: Service, rng: Random) -> None:
    """SIGKILL a worker process; its child has to notice."""
    async with _one_of(service.workers, rng) as worker:
        await _end(service, worker, signal.SIGKILL)


async def restart_worker(service: Service, rng: Random) -> None:
    """SIGTERM a worker, as in a rolling restart."""
    async with _one_of(service.workers, rng) as worker:
        await _end(service, worker, signal.SIGTERM)


async def remove_worker(service: Service, rng: Random) -> None:
    """Scale in by one worker: SIGTERM with jobs in flight; the last one is only removed after adding one."""
    async with _one_of(service.workers, rng) as worker:
        if service.workers == [worker]:
            await service.add_worker()
        await service.remove_worker(worker)


async def kill_api(service: Service, rng: Random) -> None:
    async with alone(service.api.busy):
        await _end(service, service.api, signal.SIGKILL)


async def restart_api(service: Service, rng: Random) -> None:
    async with alone(service.api.busy):
        await _end(service, service.api, signal.SIGTERM)


async def kill_api_in_batch(service: Service, rng: Random) -> None:
    """SIGKILL the API while a command that accepts a batch, or its reply, is in transit."""
    step, flag = rng.choice(BATCH_STEPS), rng.choice(["holds_commands", "holds_answers"])
    word = sha1(step.encode(), usedforsecurity=False).hexdigest().encode()
    async with alone(service.api.busy):
        service.proxy.trap = Trap(word, flag)
        if await _caught(service):
            service.api.end(signal.SIGKILL)
            await service.api.ended()
            setattr(service.proxy, flag, False)
            await service.await_ready(service.api)


async def _caught(service: Service) -> bool:
    """Whether the trap caught a batch; one that must be refused may not."""
    for _ in range(BATCHES_TRIED):
        service.batch_wanted.set()
        deadline = time.monotonic() + BATCH_COMES_IN_S
        while time.monotonic() < deadline:
            if not service.proxy.trap:
                return True
            await asyncio.sleep(LOOK_AGAIN_S)
    service.proxy.trap = None
    return False


async def freeze_worker(service: Service, rng: Random) -> None:
    """SIGSTOP a worker, mostly with its child, for longer than a lease; another may take over its jobs."""
    async with _one_of(service.workers, rng) as worker:
        await service.await_ready(worker)
        frozen = [worker.pid, *(children(worker.pid) if rng.random() < 0.7 else [])]
        await _freeze(frozen, LEASE_S + rng.uniform(0.5, 3))


async def kill_sender(service: Service, rng: Random) -> None:
    """SIGKILL a webhook sender while its calls, responses, claims or reports are in transit."""
    ways = (service.receiver_proxy, service.receiver_busy), (service.proxy, service.redis_busy)
    (way, busy), flag = rng.choice(ways), rng.choice(["holds_commands", "holds_answers"])
    async with _one_of(service.senders, rng) as sender:
        await service.await_ready(sender)
        async with alone(busy):
            with setting(way, flag):
                await asyncio.sleep(rng.uniform(0.5, 3))
                sender.end(signal.SIGKILL)
            await sender.ended()
        await service.await_ready(sender)


async def restart_sender(service: Service, rng: Random) -> None:
    async with _one_of(service.senders, rng) as sender:
        await _end(service, sender, signal.SIGTERM)


async def freeze_sender(service: Service, rng: Random) -> None:
    """SIGSTOP a webhook sender for longer than its leases; the other one takes over, then it continues."""
    async with _one_of(service.senders, rng) as sender:
        await service.await_ready(sender)
        await _freeze([sender.pid], EVENT_LEASE_S + rng.uniform(0.5, 3))


async def shift_clock(service: Service, rng: Random) -> None:
    """Restart a worker or a sender with a clock that is ahead, and later with the right one."""
    async with _one_of(rng.choice([service.workers, service.senders]), rng) as role:
        role.extra_env = clock.shifted() or {}
        try:
            await _end(service, role, signal.SIGTERM)
            await asyncio.sleep(rng.uniform(3, 6))
        finally:
            role.extra_env = {}
        await _end(service, role, signal.SIGTERM)


KINDS: dict[str, Fault] = {
    "kill child": kill_child,
    "kill worker": kill_worker,
    "kill api": kill_api,
    "kill api in batch": kill_api_in_batch,
    "kill sender": kill_sender,
    "kill redis": outages.kill_redis,
    "add worker": lambda service, _: service.add_worker(),
    "remove worker": remove_worker,
    "restart worker": restart_worker,
    "restart api": restart_api,
    "restart sender": restart_sender,
    "freeze worker": freeze_worker,
    "freeze sender": freeze_sender,
    "shift clock": shift_clock,
    "slow redis": outages.slow_redis,
    "cut redis": outages.cut_redis,
    "silence redis": outages.silence_redis,
    "lose answers": outages.lose_answers,
    "reset redis": outages.reset_redis,
    "fail over redis": outages.fail_over_redis,
    "fill redis": outages.fill_redis,
    "lose store": outages.lose_store,
    "lose receiver": outages.lose_receiver,
}

KILLS = frozenset({"kill child", "kill worker", "kill api", "kill api in batch", "kill sender"})
"""Faults of single processes, which no request may suffer from."""


async def _end(service: Service, role: Role, number: signal.Signals) -> None:
    """End a process by a signal, and wait until its successor works."""
    role.end(number)
    await role.ended()
    await service.await_ready(role)


async def _freeze(pids: list[int], seconds: float) -> None:
    try:
        _signal(pids, signal.SIGSTOP)
        await asyncio.sleep(seconds)
    finally:
        _signal(pids, signal.SIGCONT)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
