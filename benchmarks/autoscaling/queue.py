"""A queue and its workers, second by second."""

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.autoscaling.autoscaler import SYNC_S, Autoscaler
from benchmarks.autoscaling.manifests import AGE, BUSY, ScaledObject

READ_AFTER_S = 7  # the autoscaler's clock is not Prometheus's


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
    waited: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
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
        """Pods that do not work yet are removed first, as Kubernetes does."""
        while self.replicas < count:
            self._starting.append(now_s + self._pods.start_s)
        while self.replicas > count:
            if self._starting:
                self._starting.pop()
            else:
                self.working -= 1
                self._draining.append(now_s + self._pods.drain_s)


def simulated(arrivals: Sequence[int], pods: Pods, rules: ScaledObject, fixed: int | None = None) -> Trace:
    """A day of workers that are scaled by the rules, or of a fixed number. First come, first served."""
    autoscaler, fleet, trace = Autoscaler(rules), Fleet(pods, fixed or rules.least), Trace()
    queue: deque[tuple[int, float]] = deque()  # how many came in which second
    waiting, metrics = 0.0, dict[str, float]()
    for now_s, came in enumerate(arrivals):
        fleet.advance(now_s)
        if came:
            queue.append((now_s, came))
        begun, room = 0.0, fleet.working * pods.pace
        while queue and begun < room:
            at_s, count = queue.popleft()
            taken = min(count, room - begun)
            trace.waited[now_s - at_s] += taken
            begun += taken
            if taken < count:
                queue.appendleft((at_s, count - taken))
        waiting += came - begun
        age_s = now_s - queue[0][0] if queue else 0
        if now_s % rules.scrape_s == 0:
            metrics = {BUSY: math.ceil(begun / pods.pace), AGE: age_s}
        if fixed is None and now_s % SYNC_S == READ_AFTER_S:
            fleet.scale(now_s, autoscaler.sync(now_s, rules.value(metrics), fleet.replicas))
        trace.age_s.append(age_s)
        trace.waiting.append(waiting)
        trace.workers.append(fleet.present)
    return trace
