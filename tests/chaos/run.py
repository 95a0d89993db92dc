"""One run: the service under load and faults, then all checks."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from jobs.keys.api_keys import ApiKeys
from tests.chaos import events, invariants, leftovers
from tests.chaos.batches import invariants as of_batch
from tests.chaos.batches.following import BatchLoad
from tests.chaos.batches.submissions import batches
from tests.chaos.census import Census
from tests.chaos.client import connected
from tests.chaos.load import Load
from tests.chaos.report import Report
from tests.chaos.requests import RequestGenerator
from tests.chaos.schedule import Schedule
from tests.chaos.service import Service, running

IN_BATCHES = 0.5
"""Share of all requests."""

SETTLE_S = 30
LOOK_AGAIN_S = 0.5
PROGRESS_S = 5


@dataclass(frozen=True)
class Plan:
    """The parameters of a run; the same plan draws the same requests and faults."""

    seed: int
    requests: int
    faults: int
    seconds: float
    kinds: Sequence[str]
    result_ttl_s: int


async def run(plan: Plan, directory: Path, say: Callable[[str], None]) -> Report:
    """Execute the plan in an empty directory; `say` is called with the progress."""
    mark = uuid4().hex
    async with running(directory, mark, plan.result_ttl_s) as service:
        report = await _strained(plan, service, say)
        last_expiry = max(report.load.last_expiry, time.time() + plan.result_ttl_s)  # events expire then too
        report.violations += await _settled(service, last_expiry)
        for role in service.roles:
            report.unexpected_ends.update(
                {f"{role.name}, status {end}": n for end, n in role.unexpected.items()}
            )
    report.violations += leftovers.left_processes(mark)
    return report


async def _strained(plan: Plan, service: Service, say: Callable[[str], None]) -> Report:
    schedule = Schedule(plan.kinds, plan.faults, plan.seconds, random.Random(f"faults {plan.seed}"))
    async with connected(service.url, service.keys) as client:
        receiver_url = f"http://127.0.0.1:{service.receiver_proxy.port}"
        rng = random.Random(f"requests {plan.seed}")
        requests = RequestGenerator(rng, service.url, service.origin.url, receiver_url, [*service.keys])
        census = Census(service.redis)
        load = Load(client, requests, plan.result_ttl_s / 2, census)
        of_batches = BatchLoad(client, census, load.outcomes, plan.result_ttl_s / 2, service.batch_wanted)
        in_batches = round(IN_BATCHES * plan.requests)
        submission = list(batches(requests, random.Random(f"batches {plan.seed}"), in_batches))
        async with _beside(census.run(), _progress(load, schedule, say)):
            await asyncio.gather(
                load.run(plan.requests - in_batches, plan.seconds),
                of_batches.run(submission, plan.seconds),
                schedule.run(service),
            )
            await events.await_deliveries(service, [*load.outcomes, *of_batches.batches])
        census.count()
    received = service.receiver.received
    report = Report(plan.seed, load, of_batches.batches, schedule, service.log, census, received)
    report.violations += invariants.broken_promises(load.outcomes, schedule.injected)
    report.violations += events.broken_promises([*load.outcomes, *of_batches.batches], received)
    report.violations += of_batch.broken_promises(of_batches.batches, census)
    report.violations += schedule.lasting
    report.violations += invariants.wrong_answers(client.answers)
    report.violations += invariants.unseen(load.outcomes, client.answers)
    report.violations += invariants.wrong_counts(load.outcomes, census)
    for key_id in service.keys:
        report.violations += invariants.wrong_credits(load.outcomes, ApiKeys(service.redis).get(key_id))
    return report


async def _settled(service: Service, last_expiry: float) -> list[str]:
    """Violations, once everything that expires has had the time to."""
    await asyncio.sleep(max(0.0, last_expiry - time.time()))

    leftovers.age_unaccepted(service.redis)

    def left() -> Iterator[str]:
        yield from leftovers.not_empty(service.redis)
        yield from leftovers.wrong_counts(service.redis, service.keys)
        yield from leftovers.orphaned_keys(service.redis)
        yield from leftovers.orphaned_members(service.redis)
        yield from leftovers.odd_processes(service)

    deadline = time.monotonic() + SETTLE_S
    while (found := list(left())) and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_AGAIN_S)
    return found + list(leftovers.orphaned_files(service))


@asynccontextmanager
async def _beside(*coroutines: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run these tasks within the block."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _progress(load: Load, schedule: Schedule, say: Callable[[str], None]) -> None:
    began_at = time.monotonic()
    while True:
        await asyncio.sleep(PROGRESS_S)
        accepted = sum(outcome.accepted_at is not None for outcome in load.outcomes)
        ended = sum(outcome.ended_at is not None for outcome in load.outcomes)
        done = [fault.kind for fault in schedule.injected]
        say(
            f"{time.monotonic() - began_at:4.0f} s  {len(load.outcomes)} submitted, {accepted} accepted, "
            f"{ended} ended; {len(done)} faults, last: {', '.join(done[-3:])}"
        )
