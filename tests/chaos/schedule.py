"""Schedules faults: all kinds equally often, at random times, few at a time."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.chaos import clock
from tests.chaos.faults import KINDS
from tests.chaos.service import SENDERS, NotRecovered, Service

AT_A_TIME = 2
BESIDE = frozenset({"freeze sender"})
"""Not counted as simultaneous, as they last so long."""

FIRST_AFTER_S = 0.5


@dataclass
class Injected:
    """A fault that was injected; times are of the monotonic clock."""

    kind: str
    began_at: float
    ended_at: float = float("inf")


@dataclass
class Schedule:
    """The faults of a run; `injected` grows during the run."""

    kinds: Sequence[str]
    count: int
    seconds: float
    rng: Random
    injected: list[Injected] = field(default_factory=list)
    lasting: list[str] = field(default_factory=list)
    """Damage that a fault could not undo."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Kinds that cannot be injected here, with the reason."""

    async def run(self, service: Service) -> None:
        """Inject all faults."""
        counted, beside = asyncio.Semaphore(AT_A_TIME), asyncio.Semaphore(SENDERS)
        began_at = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for kind, at_s in zip(self._drawn_kinds(), self._times(), strict=True):
                await asyncio.sleep(max(0.0, began_at + at_s - time.monotonic()))
                room = beside if kind in BESIDE else counted
                await room.acquire()
                task = group.create_task(self._inject(service, kind, Random(self.rng.random())))
                task.add_done_callback(lambda _, room=room: room.release())

    async def _inject(self, service: Service, kind: str, rng: Random) -> None:
        fault = Injected(kind, time.monotonic())
        self.injected.append(fault)
        try:
            await KINDS[kind](service, rng)
        except NotRecovered as error:
            self.lasting.append(f"{kind}: {error}")
        fault.ended_at = time.monotonic()

    def _drawn_kinds(self) -> list[str]:
        possible = [kind for kind in self.kinds if not self._impossible(kind)]
        whole_rounds, rest = divmod(self.count, len(possible))
        drawn = possible * whole_rounds + self.rng.sample(possible, rest)
        self.rng.shuffle(drawn)
        return drawn

    def _impossible(self, kind: str) -> bool:
        reason = clock.missing() if kind == "shift clock" else None
        if reason:
            self.skipped[kind] = reason
        return reason is not None

    def _times(self) -> list[float]:
        return sorted(self.rng.uniform(FIRST_AFTER_S, self.seconds) for _ in range(self.count))
