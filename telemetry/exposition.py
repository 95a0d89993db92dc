"""Reading the metrics, in the format that the reader asks for."""

import os
from collections.abc import Iterable
from importlib.metadata import version

from prometheus_client import CollectorRegistry
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from telemetry import metrics
from telemetry.processes import DIRECTORY


class _Build(Collector):
    """Which version this is."""

    def collect(self) -> Iterable[Metric]:
        """One series, 1."""
        labels = {"version": version("superimpose")}
        yield InfoMetricFamily("superimpose_build", "The version that runs.", labels)


def exposed(*more: Collector, directory: str | None = None) -> CollectorRegistry:
    """What this process counts, or all that share `directory` or the one of its environment; and `more`."""
    directory = directory or os.environ.get(DIRECTORY)
    counted = _sum_in(directory) if directory else metrics.REGISTRY
    registry = CollectorRegistry()
    for collector in (counted, _Build(), *more):
        registry.register(collector)
    return registry


def rendered(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """All of it, and its content type, by an Accept header."""
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _sum_in(directory: str) -> Collector:
    return MultiProcessCollector(None, directory)  # type: ignore[no-untyped-call]
