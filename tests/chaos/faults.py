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

from jobs.batches.scripts import script
from jobs.redis.oom_exempt import OOM_EXEMPT
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
        await service.await_worker(worker)
        with contextlib.suppress(ProcessLookupError):
            os.kill(children(worker.pid)[0], signal.SIGKILL)


async def kill_worker(service: Service, rng: Random) -> None:
    """SIGKILL a worker process; its child has to notice."""
    async with _one_of(service.workers, rng) as worker:
        await _end_worker(service, worker, signal.SIGKILL)


async def restart_worker(service: Service, rng: Random) -> None:
    """SIGTERM a worker, as in a rolling restart."""
    async with _one_of(service.workers, rng) as worker:
        await _end_worker(service, worker, signal.SIGTERM)


async def remove_worker(service: Service, rng: Random) -> None:
    """Scale in by one worker: SIGTERM with jobs in flight; the last one is only removed after adding one."""
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
            await service.await_api()


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
        await service.await_worker(worker)
        frozen = [worker.pid, *(children(worker.pid) if rng.random() < 0.7 else [])]
        try:
            _signal(frozen, signal.SIGSTOP)
            await asyncio.sleep(LEASE_S + rng.uniform(0.5, 3))
        finally:
            _signal(frozen, signal.SIGCONT)


async def kill_sender(service: Service, rng: Random) -> None:
    """SIGKILL a webhook sender while its calls, responses, claims or reports are in transit."""
    ways = (service.receiver_proxy, service.receiver_busy), (service.proxy, service.redis_busy)
    (way, busy), flag = rng.choice(ways), rng.choice(["holds_commands", "holds_answers"])
    async with _one_of(service.senders, rng) as sender:
        await service.await_sender(sender)
        async with alone(busy):
            with setting(way, flag):
                await asyncio.sleep(rng.uniform(0.5, 3))
                sender.end(signal.SIGKILL)
            await sender.ended()
        await service.await_sender(sender)


async def restart_sender(service: Service, rng: Random) -> None:
    """SIGTERM a webhook sender."""
    async with _one_of(service.senders, rng) as sender:
        await _end_sender(service, sender, signal.SIGTERM)


async def freeze_sender(service: Service, rng: Random) -> None:
    """SIGSTOP a webhook sender for longer than its leases; the other one takes over, then it continues."""
    async with _one_of(service.senders, rng) as sender:
        await service.await_sender(sender)
        try:
            _signal([sender.pid], signal.SIGSTOP)
            await asyncio.sleep(EVENT_LEASE_S + rng.uniform(0.5, 3))
        finally:
            _signal([sender.pid], signal.SIGCONT)


async def shift_clock(service: Service, rng: Random) -> None:
    """Restart a worker or a sender with a clock that is ahead, and later with the right one."""
    kind, end = rng.choice([(service.workers, _end_worker), (service.senders, _end_sender)])
    async with _one_of(kind, rng) as role:
        role.extra_env = clock.shifted() or {}
        try:
            await end(service, role, signal.SIGTERM)
            await asyncio.sleep(rng.uniform(3, 6))
        finally:
            role.extra_env = {}
        await end(service, role, signal.SIGTERM)


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


async def _end_worker(service: Service, worker: Role, number: signal.Signals) -> None:
    worker.end(number)
    await worker.ended()
    await service.await_worker(worker)


async def _end_sender(service: Service, sender: Role, number: signal.Signals) -> None:
    sender.end(number)
    await sender.ended()
    await service.await_sender(sender)


async def _end_api(service: Service, number: signal.Signals) -> None:
    async with alone(service.api.busy):
        service.api.end(number)
        await service.api.ended()
        await service.await_api()


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
