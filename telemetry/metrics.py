"""All metrics that processes count, the functions that count them, and their exposition.

Without a shared directory (`telemetry.processes`) they are in memory.
"""

import os
from collections.abc import Iterable, Mapping
from functools import cache, partial
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from telemetry.processes import DIRECTORY, count_as_named
from telemetry.stages import STAGES

ANSWER_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
STAGE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
REDIS_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1)

count_as_named()
disable_created_metrics()  # type: ignore[no-untyped-call]  # sums over processes do not have them
REGISTRY = CollectorRegistry()
counter, histogram = partial(Counter, registry=REGISTRY), partial(Histogram, registry=REGISTRY)

HTTP_REQUESTS = counter(
    "superimpose_http_requests",
    "Calls answered by the API, by the route's template.",
    ["route", "method", "code"],
)
HTTP_SECONDS = histogram(
    "superimpose_http_request_seconds",
    "From a call's headers to the end of its answer.",
    ["route"],
    buckets=ANSWER_BUCKETS,
)
ACCEPTED = counter("superimpose_requests_accepted", "Requests accepted.")
BATCHES = counter("superimpose_batches_accepted", "Batches accepted.")
FINISHED = counter(
    "superimpose_requests_finished",
    "Requests that ended, as COMPLETED or as FAILED with the code of its error.",
    ["status", "code"],
)
STAGE_SECONDS = histogram(
    "superimpose_stage_seconds",
    "Time in each stage of a request; total is from accepted to ended.",
    ["stage"],
    buckets=STAGE_BUCKETS,
)
CACHE_HITS = counter("superimpose_cache_hits", "Inputs found in a worker's cache.", ["cache"])
CACHE_MISSES = counter(
    "superimpose_cache_misses", "Inputs looked for in a worker's cache in vain.", ["cache"]
)
CREDITS = counter("superimpose_credits", "Credits held, settled (spent) and released.", ["event"])
RETRIES = counter(
    "superimpose_retries", "Attempts that ended without a result and are made again.", ["reason"]
)
REDELIVERIES = counter("superimpose_redeliveries", "Jobs taken back from a worker that is gone.")
EVENT_ATTEMPTS = counter(
    "superimpose_webhook_attempts",
    "Attempts to deliver an event, by how they ended; retry: it failed, another one may follow.",
    ["outcome"],
)
EVENT_SECONDS = histogram(
    "superimpose_webhook_attempt_seconds",
    "From an attempt's start to its receiver's answer, or to its failure.",
    buckets=ANSWER_BUCKETS,
)
EVENTS = counter(
    "superimpose_webhook_events",
    "Events that are sent no more, by why: delivered, gone (410), failed (no attempt is left).",
    ["outcome"],
)
REDIS_SECONDS = histogram(
    "superimpose_redis_seconds", "A script's or a pipeline's round trip to Redis.", buckets=REDIS_BUCKETS
)

# Known series start at 0, as a series that starts at 1 hides its first increase.
_STAGE = {stage: STAGE_SECONDS.labels(stage) for stage in ("queue_wait", *STAGES, "total")}
_HITS = {name: CACHE_HITS.labels(name) for name in ("decoded", "http")}
_MISSES = {name: CACHE_MISSES.labels(name) for name in _HITS}
_CREDITS = {event: CREDITS.labels(event) for event in ("held", "settled", "released")}
FINISHED.labels("COMPLETED", "")
_EVENT_ATTEMPTS = {outcome: EVENT_ATTEMPTS.labels(outcome) for outcome in ("delivered", "gone", "retry")}
_EVENTS = {outcome: EVENTS.labels(outcome) for outcome in ("delivered", "gone", "failed")}

observe_redis = REDIS_SECONDS.observe
count_batch = BATCHES.inc
count_redelivery = REDELIVERIES.inc


def count_accepted(credits_held: int, requests: int = 1) -> None:
    ACCEPTED.inc(requests)
    _CREDITS["held"].inc(credits_held)


def count_finished(status: str, code: str, queue_wait_s: float, total_s: float) -> None:
    """`code` is empty unless the request FAILED."""
    FINISHED.labels(status, code).inc()
    _STAGE["queue_wait"].observe(queue_wait_s)
    _STAGE["total"].observe(total_s)


def declare_failures(codes: list[str]) -> None:
    """Make the series of these codes start at 0."""
    for code in codes:
        FINISHED.labels("FAILED", code)


def count_credits(event: str, credits: int) -> None:
    _CREDITS[event].inc(credits)


def observe_stages(seconds: Mapping[str, float]) -> None:
    """Observe the stages of an attempt that ended its request; unknown stages are ignored."""
    for stage, took_s in seconds.items():
        if stage in _STAGE:
            _STAGE[stage].observe(took_s)


def count_retry(reason: str) -> None:
    """`reason` is the error code of the failed attempt."""
    RETRIES.labels(reason).inc()


def count_event_attempt(outcome: str, seconds: float) -> None:
    _EVENT_ATTEMPTS[outcome].inc()
    EVENT_SECONDS.observe(seconds)


def count_event(outcome: str) -> None:
    _EVENTS[outcome].inc()


def count_lookups(caches: Mapping[str, tuple[int, int]]) -> None:
    """`caches` has hits and misses by cache."""
    for name, (hits, misses) in caches.items():
        _HITS[name].inc(hits)
        _MISSES[name].inc(misses)


def observe_call(route: str, method: str, code: int, seconds: float) -> None:
    """`route` is a template, never a path that a client sent."""
    requests, duration = _http(route, method, code)
    requests.inc()
    duration.observe(seconds)


@cache  # a few dozen combinations of route, method and code
def _http(route: str, method: str, code: int) -> tuple[Counter, Histogram]:
    return HTTP_REQUESTS.labels(route, method, str(code)), HTTP_SECONDS.labels(route)


class _Build(Collector):
    def collect(self) -> Iterable[Metric]:
        labels = {"version": version("superimpose")}
        yield InfoMetricFamily("superimpose_build", "The version that runs.", labels)


def collect(*more: Collector, directory: str | None = None) -> CollectorRegistry:
    """The metrics of this process, or of all processes that share a directory, and those of `more`.

    `directory` defaults to the one in the environment.
    """
    directory = directory or os.environ.get(DIRECTORY)
    own: Collector = REGISTRY
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
