"""The metrics in the format that a scraper requests."""

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
    def collect(self) -> Iterable[Metric]:
        labels = {"version": version("superimpose")}
        yield InfoMetricFamily("superimpose_build", "The version that runs.", labels)


def collect(*more: Collector, directory: str | None = None) -> CollectorRegistry:
    """The metrics of `more` and of this process; of all processes if they share a directory."""
    directory = directory or os.environ.get(DIRECTORY)
    own: Collector = metrics.REGISTRY
    if directory:
        own = MultiProcessCollector(None, directory)  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    for collector in (own, _Build(), *more):
        registry.register(collector)
    return registry


def render(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """Body and content type for an Accept header."""
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
