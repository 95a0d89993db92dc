"""The metrics in the format that a scraper asks for."""

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


def exposed(*more: Collector, directory: str | None = None) -> CollectorRegistry:
    """Of this process, or of all that share `directory` or the one named in the environment; and `more`."""
    directory = directory or os.environ.get(DIRECTORY)
    counted = _sum_in(directory) if directory else metrics.REGISTRY
    registry = CollectorRegistry()
    for collector in (counted, _Build(), *more):
        registry.register(collector)
    return registry


def rendered(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """Body and content type for an Accept header."""
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _sum_in(directory: str) -> Collector:
    return MultiProcessCollector(None, directory)  # type: ignore[no-untyped-call]
