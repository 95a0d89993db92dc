"""A queue and its workers, second by second."""

import math
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.autoscaling.autoscaler import SYNC_S, Autoscaler
from benchmarks.autoscaling.manifests import AGE, BUSY, ScaledObject

READ_AFTER_S = 7  # the autoscaler's clock is not Prometheus's

Decide = Callable[[int, Mapping[str, float], int], int]
"""How many workers there shall be: by the second, the metrics last scraped, and how many there are."""


@dataclass(frozen=True)
class Pods:
    """`pace` in pictures a second; a pod scaled away makes no more and is there until it has drained."""

    pace: float
    start_s: int
    drain_s: int


@dataclass
class Trace:
    """Each second's figures."""

    age_s: list[int] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)
    workers: list[int] = field(default_factory=list)
    """Those that start or drain, too."""
    waited: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    """Pictures, by the seconds until a worker took them."""

    @property
    def longest_s(self) -> int:
        return max(self.age_s)

    @property
    def worker_hours(self) -> float:
        return sum(self.workers) / 3600

    def share_within(self, seconds: int) -> float:
        """Of all pictures, those that a worker took within so many seconds."""
        soon = sum(count for waited, count in self.waited.items() if waited <= seconds)
        return soon / sum(self.waited.values())


class Fleet:
    """Pods that start, work and drain."""

    def __init__(self, pods: Pods, count: int) -> None:
        self._pods = pods
        self.working = count
        self._starting: deque[int] = deque()
        self._draining: deque[int] = deque()

    @property
    def replicas(self) -> int:
        return self.working + len(self._starting)

    @property
    def present(self) -> int:
        return self.replicas + len(self._draining)

    def advance(self, now_s: int) -> None:
        while self._starting and self._starting[0] <= now_s:
            self._starting.popleft()
            self.working += 1
        while self._draining and self._draining[0] <= now_s:
            self._draining.popleft()

    def scale(self, now_s: int, count: int) -> None:
        """Pods that do not work yet are removed first, as Kubernetes does."""
        while self.replicas < count:
            self._starting.append(now_s + self._pods.start_s)
        while self.replicas > count:
            if self._starting:
                self._starting.pop()
            else:
                self.working -= 1
                self._draining.append(now_s + self._pods.drain_s)


class Queue:
    """First come, first served; requests of one second are one entry."""

    def __init__(self) -> None:
        self._entries: deque[tuple[int, float]] = deque()
        self.waiting = 0.0

    def add(self, now_s: int, count: int) -> None:
        if count:
            self._entries.append((now_s, count))
            self.waiting += count

    def take(self, now_s: int, room: float) -> dict[int, float]:
        """Up to so many, by the seconds they waited."""
        taken: dict[int, float] = {}
        while self._entries and room > 0:
            at_s, count = self._entries.popleft()
            part = min(count, room)
            taken[now_s - at_s] = part
            self.waiting -= part
            room -= part
            if part < count:
                self._entries.appendleft((at_s, count - part))
        return taken

    def age_s(self, now_s: int) -> int:
        """Of the oldest that waits; 0: none does."""
        return now_s - self._entries[0][0] if self._entries else 0


def by(rules: ScaledObject) -> Decide:
    """As the manifests say."""
    autoscaler = Autoscaler(rules)
    return lambda now_s, metrics, replicas: autoscaler.sync(now_s, rules.value(metrics), replicas)


def simulated(arrivals: Sequence[int], pods: Pods, decide: Decide, first: int, scrape_s: int) -> Trace:
    """A day that begins with so many workers."""
    fleet, queue, trace = Fleet(pods, first), Queue(), Trace()
    metrics: dict[str, float] = {}
    for now_s, count in enumerate(arrivals):
        fleet.advance(now_s)
        queue.add(now_s, count)
        taken = queue.take(now_s, fleet.working * pods.pace)
        age_s = queue.age_s(now_s)
        if now_s % scrape_s == 0:
            metrics = {BUSY: math.ceil(sum(taken.values()) / pods.pace), AGE: age_s}
        if now_s % SYNC_S == READ_AFTER_S:
            fleet.scale(now_s, decide(now_s, metrics, fleet.replicas))
        trace.age_s.append(age_s)
        trace.waiting.append(queue.waiting)
        trace.workers.append(fleet.present)
        for waited_s, part in taken.items():
            trace.waited[waited_s] += part
    return trace
