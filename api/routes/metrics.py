"""GET /metrics: the counters of all processes, and gauges read from Redis."""

from collections.abc import Iterable

from fastapi.concurrency import run_in_threadpool
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import Redis, RedisError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from api.service import service_of
from jobs.queries.queue_state import QueueState, read_queue_state
from telemetry.metrics import collect, render


async def show_metrics(request: Request) -> Response:
    registry = collect(RedisState(service_of(request).redis))
    accept = request.headers.get("accept", "")
    body, content_type = await run_in_threadpool(render, registry, accept)
    return Response(body, headers={"Content-Type": content_type})


class RedisState(Collector):
    """Gauges read from Redis, the same on every instance; only `superimpose_redis_up` without Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering does not collect."""
        return ()

    def collect(self) -> Iterable[Metric]:
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
        "oldest_waiting_seconds": ("Age of the oldest QUEUED request.", state.oldest_waiting_s),
        "batches_open": ("Batches that have not ended.", state.open_batches),
        "webhook_oldest_due_seconds": (
            "How long the oldest due webhook event has been due.",
            state.oldest_event_s,
        ),
        "redis_memory_bytes": ("Memory that Redis uses.", state.memory_bytes),
        "redis_memory_max_bytes": ("Memory that Redis may use; 0: unlimited.", state.memory_max_bytes),
    }
    for name, (help_text, value) in values.items():
        yield GaugeMetricFamily(f"superimpose_{name}", help_text, value=value)
    workers = GaugeMetricFamily("superimpose_workers", "Live workers by state.", labels=["state"])
    for worker_state, count in state.workers.items():
        workers.add_metric([worker_state], count)
    yield workers


router = Router([Route("/metrics", show_metrics)])
