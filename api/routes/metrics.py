"""GET /metrics: what the processes count, and the state of Redis now."""

from collections.abc import Iterable

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import Redis, RedisError

from api.dependencies import ServiceDep
from api.http.route_classes import PlainRoute
from jobs.queries.queue_state import QueueState, read_queue_state
from telemetry.exposition import collect, render

router = APIRouter(route_class=PlainRoute, include_in_schema=False)


@router.api_route("/metrics", methods=["GET", "HEAD"])
async def show_metrics(request: Request, service: ServiceDep) -> Response:
    """In the format of Prometheus, or OpenMetrics where the client accepts it."""
    registry = collect(RedisState(service.redis))
    accept = request.headers.get("accept", "")
    body, content_type = await run_in_threadpool(render, registry, accept)
    return Response(body, headers={"Content-Type": content_type})


class RedisState(Collector):
    """The same whichever instance is asked: what Redis knows. Of one that is away, just that."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def describe(self) -> Iterable[Metric]:
        """Nothing: names need not be known before they are collected."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Ask Redis now."""
        try:
            state = read_queue_state(self._redis)
        except RedisError:
            state = None
        up = "Whether Redis answers."
        yield GaugeMetricFamily("superimpose_redis_up", up, value=0 if state is None else 1)
        if state:
            yield from _gauges(state)


def _gauges(state: QueueState) -> Iterable[Metric]:
    values = {
        "requests_waiting": ("Requests that are QUEUED.", state.waiting),
        "requests_processing": ("Requests that are PROCESSING.", state.processing),
        "oldest_waiting_seconds": ("How long the oldest QUEUED request waits.", state.oldest_waiting_s),
        "batches_open": ("Batches that have not ended.", state.open_batches),
        "webhook_oldest_due_seconds": (
            "How long the event of a webhook that is sent next has been due.",
            state.oldest_event_s,
        ),
        "redis_memory_bytes": ("Memory that Redis uses.", state.memory_bytes),
        "redis_memory_max_bytes": ("Memory that Redis may use; 0: no bound.", state.memory_max_bytes),
    }
    for name, (meaning, value) in values.items():
        yield GaugeMetricFamily(f"superimpose_{name}", meaning, value=value)
    workers = GaugeMetricFamily("superimpose_workers", "Live workers, by what they do.", labels=["state"])
    for doing, count in state.workers.items():
        workers.add_metric([doing], count)
    yield workers
