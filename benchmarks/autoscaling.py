"""Simulates a day of a queue whose workers are scaled by the rules of the manifests in kubernetes/.

The HorizontalPodAutoscaler implements the algorithm of Kubernetes 1.27 and later, with its default tolerance:
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
The load has pictures with a daily rhythm, and 60 catalogues of 5,000, 20 of them after nine.
"""

import math
import random
import re
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from benchmarks.harness.machine import ROOT

SYNC_S = 15
TOLERANCE = 0.1
COMPONENTS = ROOT / "kubernetes/components"
SELECTOR = re.compile(r"max\((superimpose_\w+(?:{[^}]*})?)\)")

BUSY = 'superimpose_workers{state="busy"}'
AGE = "superimpose_oldest_waiting_seconds"
DAY_S = 86_400
NIGHT_PER_S, NOON_PER_S = 2, 300
CATALOGUE = 5000
SYNC_OFFSET_S = 7  # the autoscaler is not synchronised with Prometheus's scrapes

Rules = Mapping[str, Any]
"""`stabilizationWindowSeconds` and `policies` of a direction, in the words of Kubernetes.

Scaling uses the most cautious recommendation of the window, limited by the most generous policy.
"""


@dataclass(frozen=True)
class ScaledObject:
    """A KEDA ScaledObject with one Prometheus trigger of type AverageValue."""

    min_replicas: int
    max_replicas: int
    query: str
    threshold: float
    scrape_s: int
    up: Rules
    down: Rules

    def value(self, metrics: Mapping[str, float]) -> float:
        """Evaluate the query for one series of each metric; its operators mean the same in Python."""
        arithmetic = SELECTOR.sub(lambda found: repr(metrics[found[1]]), self.query)
        return float(eval(arithmetic, {"__builtins__": {}}))


def scaled_object() -> ScaledObject:
    spec = yaml.safe_load((COMPONENTS / "keda/scaled-object.yaml").read_text())["spec"]
    monitors = yaml.safe_load_all((COMPONENTS / "pod-monitors/pod-monitors.yaml").read_text())
    [api] = (each["spec"] for each in monitors if each["metadata"]["name"] == "superimpose-api")
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    return ScaledObject(
        min_replicas=spec["minReplicaCount"],
        max_replicas=spec["maxReplicaCount"],
        query=spec["triggers"][0]["metadata"]["query"],
        threshold=float(spec["triggers"][0]["metadata"]["threshold"]),
        scrape_s=int(api["podMetricsEndpoints"][0]["interval"].removesuffix("s")),
        up=behavior["scaleUp"],
        down=behavior["scaleDown"],
    )


class Autoscaler:
    def __init__(self, rules: ScaledObject) -> None:
        self._rules = rules
        self._recommended: list[tuple[float, int]] = []  # second, replicas
        self._changes: list[tuple[float, int]] = []  # second, pods added or removed

    def sync(self, now_s: float, value: float, replicas: int) -> int:
        """The new number of replicas, for the current number and metric; to be called every `SYNC_S`."""
        target = self._stabilized(now_s, self._desired(value, replicas), replicas)
        target = self._rate_limited(now_s, target, replicas)
        target = min(max(target, self._rules.min_replicas), self._rules.max_replicas)
        if target != replicas:
            self._changes.append((now_s, target - replicas))
        return target

    def _desired(self, value: float, replicas: int) -> int:
        if abs(value / (self._rules.threshold * replicas) - 1) <= TOLERANCE:
            return replicas
        return math.ceil(value / self._rules.threshold)

    def _stabilized(self, now_s: float, target: int, replicas: int) -> int:
        up, down = (each["stabilizationWindowSeconds"] for each in (self._rules.up, self._rules.down))
        self._recommended.append((now_s, target))
        self._recommended = [each for each in self._recommended if each[0] > now_s - max(up, down, 1)]
        lower = min([target, *(count for at, count in self._recommended if at > now_s - up)])
        upper = max([target, *(count for at, count in self._recommended if at > now_s - down)])
        return min(max(replicas, lower), upper)

    def _rate_limited(self, now_s: float, target: int, replicas: int) -> int:
        if target > replicas:
            return min(target, max(self._bounds(now_s, replicas, self._rules.up, 1)))
        if target < replicas:
            return max(target, min(self._bounds(now_s, replicas, self._rules.down, -1)))
        return target

    def _bounds(self, now_s: float, replicas: int, rules: Rules, sign: int) -> Iterator[int]:
        """The limit of each policy, relative to the replicas at the beginning of its period."""
        for policy in rules["policies"]:
            start_s = now_s - policy["periodSeconds"]
            before = replicas - sum(by for at, by in self._changes if at > start_s and by * sign > 0)
            if policy["type"] == "Pods":
                yield before + sign * policy["value"]
            else:
                share = before * (1 + sign * policy["value"] / 100)
                yield math.ceil(share) if sign > 0 else int(share)


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
    """Pods by the second when they start to work, and removed ones by the second when they are gone."""

    def __init__(self, pods: Pods, count: int) -> None:
        self._pods = pods
        self._ready_at = [0] * count
        self._gone_at: list[int] = []

    @property
    def replicas(self) -> int:
        return len(self._ready_at)

    def working(self, now_s: int) -> int:
        return bisect_right(self._ready_at, now_s)

    def present(self, now_s: int) -> int:
        return self.replicas + len(self._gone_at) - bisect_right(self._gone_at, now_s)

    def scale(self, now_s: int, count: int) -> None:
        """Removes the newest pods first, so those that are still starting, as Kubernetes does."""
        self._ready_at += [now_s + self._pods.start_s] * (count - self.replicas)
        for ready_at in self._ready_at[count:]:
            if ready_at <= now_s:
                self._gone_at.append(now_s + self._pods.drain_s)
        del self._ready_at[count:]


def simulate(arrivals: Sequence[int], pods: Pods, rules: ScaledObject, fixed: int | None = None) -> Trace:
    """Simulate a FIFO queue with workers that are scaled by the rules, or of a fixed number."""
    autoscaler, fleet, trace = Autoscaler(rules), Fleet(pods, fixed or rules.min_replicas), Trace()
    queue: deque[tuple[int, float]] = deque()  # second of arrival, pictures
    waiting, metrics = 0.0, dict[str, float]()
    for now_s, arrived in enumerate(arrivals):
        if arrived:
            queue.append((now_s, arrived))
        started, capacity = 0.0, fleet.working(now_s) * pods.pace
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
        trace.workers.append(fleet.present(now_s))
    return trace
