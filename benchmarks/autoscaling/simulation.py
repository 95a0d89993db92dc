"""Simulates a day of a queue and its workers, second by second.

The load has pictures with a daily rhythm, and 60 catalogues of 5,000, 20 of them after nine.
"""

import math
import random
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.autoscaling.autoscaler import AGE, BUSY, SYNC_S, Autoscaler, ScaledObject

DAY_S = 86_400
NIGHT_PER_S, NOON_PER_S = 2, 300
CATALOGUE = 5000
SYNC_OFFSET_S = 7  # the autoscaler is not synchronised with Prometheus's scrapes


def arrivals() -> list[int]:
    """Pictures per second of the day, deterministic. A catalogue arrives in one second."""
    rng, counts = random.Random(1), [0] * DAY_S
    for minute in range(0, DAY_S, 60):
        pictures = max(0, round(rng.gauss(1, 0.15) * 60 * _per_s(minute)))
        for number in range(60):
            counts[minute + number] += pictures * (number + 1) // 60 - pictures * number // 60
    times_s = [rng.triangular(2, 22, 10) * 3600 for _ in range(40)]
    times_s += [9 * 3600 + rng.uniform(0, 300) for _ in range(20)]
    for at_s in times_s:
        counts[int(at_s)] += CATALOGUE
    return counts


def _per_s(second: float) -> float:
    """Peaks at two in the afternoon; lowest from ten in the evening to six in the morning."""
    by_day = max(0.0, math.sin(math.pi * (second / 3600 - 6) / 16))
    return NIGHT_PER_S + (NOON_PER_S - NIGHT_PER_S) * by_day**2


@dataclass(frozen=True)
class Pods:
    """`pace` in pictures a second; a removed pod stops working but exists for `drain_s`."""

    pace: float
    start_s: int
    drain_s: int


@dataclass
class Trace:
    """The state at each second. `workers` includes starting and draining pods."""

    age_s: list[int] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)
    workers: list[int] = field(default_factory=list)
    waits: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    """Number of pictures by the seconds that they waited."""

    @property
    def longest_s(self) -> int:
        return max(self.age_s)

    @property
    def worker_hours(self) -> float:
        return sum(self.workers) / 3600

    def share_within(self, seconds: int) -> float:
        """The share of pictures that waited at most this long."""
        soon = sum(count for wait_s, count in self.waits.items() if wait_s <= seconds)
        return soon / sum(self.waits.values())


class Fleet:
    def __init__(self, pods: Pods, count: int) -> None:
        self._pods = pods
        self.working = count
        self._starting: list[int] = []
        self._draining: list[int] = []

    @property
    def replicas(self) -> int:
        return self.working + len(self._starting)

    @property
    def present(self) -> int:
        return self.replicas + len(self._draining)

    def advance(self, now_s: int) -> None:
        self.working += sum(at_s <= now_s for at_s in self._starting)
        self._starting = [at_s for at_s in self._starting if at_s > now_s]
        self._draining = [at_s for at_s in self._draining if at_s > now_s]

    def scale(self, now_s: int, count: int) -> None:
        """Removes starting pods first, as Kubernetes does."""
        while self.replicas < count:
            self._starting.append(now_s + self._pods.start_s)
        while self.replicas > count:
            if self._starting:
                self._starting.pop()
            else:
                self.working -= 1
                self._draining.append(now_s + self._pods.drain_s)


def simulate(arrivals: Sequence[int], pods: Pods, rules: ScaledObject, fixed: int | None = None) -> Trace:
    """Simulate a FIFO queue with workers that are scaled by the rules, or of a fixed number."""
    autoscaler, fleet, trace = Autoscaler(rules), Fleet(pods, fixed or rules.min_replicas), Trace()
    queue: deque[tuple[int, float]] = deque()  # second of arrival, pictures
    waiting, metrics = 0.0, dict[str, float]()
    for now_s, arrived in enumerate(arrivals):
        fleet.advance(now_s)
        if arrived:
            queue.append((now_s, arrived))
        started, capacity = 0.0, fleet.working * pods.pace
        while queue and started < capacity:
            at_s, count = queue.popleft()
            taken = min(count, capacity - started)
            trace.waits[now_s - at_s] += taken
            started += taken
            if taken < count:
                queue.appendleft((at_s, count - taken))
        waiting += arrived - started
        age_s = now_s - queue[0][0] if queue else 0
        if now_s % rules.scrape_s == 0:
            metrics = {BUSY: math.ceil(started / pods.pace), AGE: age_s}
        if fixed is None and now_s % SYNC_S == SYNC_OFFSET_S:
            fleet.scale(now_s, autoscaler.sync(now_s, rules.value(metrics), fleet.replicas))
        trace.age_s.append(age_s)
        trace.waiting.append(waiting)
        trace.workers.append(fleet.present)
    return trace
