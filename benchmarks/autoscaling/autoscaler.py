"""A HorizontalPodAutoscaler with the scaling rules of the manifests in kubernetes/.

Implements the algorithm of Kubernetes 1.27 and later, with its default tolerance:
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from benchmarks.harness.machine import ROOT

SYNC_S = 15
TOLERANCE = 0.1
COMPONENTS = ROOT / "kubernetes/components"
SELECTOR = re.compile(r"max\((superimpose_\w+(?:{[^}]*})?)\)")

BUSY = 'superimpose_workers{state="busy"}'
AGE = "superimpose_oldest_waiting_seconds"


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
