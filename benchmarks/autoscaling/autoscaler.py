"""What a HorizontalPodAutoscaler makes of KEDA's metric.

The algorithm of Kubernetes 1.27 and later, with its default tolerance:
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
"""

import math
from collections.abc import Sequence

from benchmarks.autoscaling.manifests import Policy, ScaledObject

SYNC_S = 15
TOLERANCE = 0.1

Change = tuple[float, int]
"""At which second, by how many pods."""


class Autoscaler:
    """`sync` is called every SYNC_S seconds, as by the controller."""

    def __init__(self, rules: ScaledObject) -> None:
        self._rules = rules
        self._recommended: list[tuple[float, int]] = []
        self._changes: list[Change] = []

    def sync(self, now_s: float, value: float, replicas: int) -> int:
        """How many replicas there shall be, of so many now and with this value of the metric."""
        wanted = self._stable(now_s, self._wanted(value, replicas), replicas)
        wanted = self._limited(now_s, wanted, replicas)
        wanted = min(max(wanted, self._rules.least), self._rules.most)
        if wanted != replicas:
            self._changes.append((now_s, wanted - replicas))
        return wanted

    def _wanted(self, value: float, replicas: int) -> int:
        if abs(value / (self._rules.threshold * replicas) - 1) <= TOLERANCE:
            return replicas
        return math.ceil(value / self._rules.threshold)

    def _stable(self, now_s: float, wanted: int, replicas: int) -> int:
        up, down = self._rules.up.window_s, self._rules.down.window_s
        self._recommended.append((now_s, wanted))
        self._recommended = [each for each in self._recommended if each[0] > now_s - max(up, down, 1)]
        least = min([wanted, *(count for at, count in self._recommended if at > now_s - up)])
        most = max([wanted, *(count for at, count in self._recommended if at > now_s - down)])
        return min(max(replicas, least), most)

    def _limited(self, now_s: float, wanted: int, replicas: int) -> int:
        if wanted > replicas:
            return min(wanted, max(self._bounds(now_s, replicas, self._rules.up.policies, 1)))
        if wanted < replicas:
            return max(wanted, min(self._bounds(now_s, replicas, self._rules.down.policies, -1)))
        return wanted

    def _bounds(self, now_s: float, replicas: int, policies: Sequence[Policy], sign: int) -> list[int]:
        """The number that each policy allows to go to, from the one at the beginning of its period."""
        bounds = []
        for policy in policies:
            changed = (by for at, by in self._changes if at > now_s - policy.period_s and by * sign > 0)
            before = replicas - sum(changed)
            if policy.type == "Pods":
                bounds.append(before + sign * policy.value)
            else:
                share = before * (1 + sign * policy.value / 100)
                bounds.append(math.ceil(share) if sign > 0 else int(share))
        return bounds
