"""What the manifests of kubernetes/ say about the number of workers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from benchmarks.harness.machine import ROOT

COMPONENTS = ROOT / "kubernetes/components"
SELECTOR = re.compile(r"max\((superimpose_\w+(?:{[^}]*})?)\)")

BUSY = 'superimpose_workers{state="busy"}'
AGE = "superimpose_oldest_waiting_seconds"


@dataclass(frozen=True)
class Policy:
    """How much the number may change within so many seconds: by `value` Pods, or Percent."""

    type: str
    value: int
    period_s: int


@dataclass(frozen=True)
class Direction:
    """The most cautious recommendation within the window counts, and the most generous policy bounds it."""

    window_s: int
    policies: Sequence[Policy]


@dataclass(frozen=True)
class ScaledObject:
    """Of a Prometheus trigger whose metric is an AverageValue."""

    least: int
    most: int
    query: str
    threshold: float
    scrape_s: int
    up: Direction
    down: Direction

    def value(self, metrics: Mapping[str, float]) -> float:
        """Of the query, with one series of each metric. Its operators are Python's."""
        arithmetic = SELECTOR.sub(lambda found: repr(metrics[found[1]]), self.query)
        return float(eval(arithmetic, {"__builtins__": {}}))


def scaled_object() -> ScaledObject:
    spec = yaml.safe_load((COMPONENTS / "keda/scaled-object.yaml").read_text())["spec"]
    [trigger] = spec["triggers"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    return ScaledObject(
        least=spec["minReplicaCount"],
        most=spec["maxReplicaCount"],
        query=trigger["metadata"]["query"],
        threshold=float(trigger["metadata"]["threshold"]),
        scrape_s=_scrape_s(),
        up=_direction(behavior["scaleUp"]),
        down=_direction(behavior["scaleDown"]),
    )


def _direction(rules: Mapping[str, Any]) -> Direction:
    policies = [Policy(each["type"], each["value"], each["periodSeconds"]) for each in rules["policies"]]
    return Direction(rules["stabilizationWindowSeconds"], policies)


def _scrape_s() -> int:
    monitors = yaml.safe_load_all((COMPONENTS / "pod-monitors/pod-monitors.yaml").read_text())
    [api] = (each["spec"] for each in monitors if each["metadata"]["name"] == "superimpose-api")
    [endpoint] = api["podMetricsEndpoints"]
    return int(endpoint["interval"].removesuffix("s"))
