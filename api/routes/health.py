"""What probes and people ask, without a key: does the process answer, can the service work, is it busy."""

import asyncio
from collections.abc import Awaitable
from importlib.metadata import version
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from obstore.exceptions import BaseError as StoreError
from redis import Redis, RedisError

from api.direct import DirectRoute
from api.http.json_response import JsonResponse
from api.shared_answer import SharedAnswer
from jobs.pictures.store import PictureStore
from jobs.queries.queue_state import QueueState, read_queue_state

PATIENCE_S = 2.0

T = TypeVar("T")

router = APIRouter(route_class=DirectRoute, include_in_schema=False)


class Health:
    """Looks at what the service needs, at most once a second however many ask."""

    def __init__(self, redis: Redis, store: PictureStore) -> None:
        self._redis = redis
        self._store = store
        self._state = SharedAnswer(self._read_state)
        self._missing = SharedAnswer(self._look_for_missing)

    async def state(self) -> QueueState:
        """Raises `redis.RedisError`."""
        return await self._state.get()

    async def missing(self) -> list[str]:
        """Which of redis, store and worker there is not; without Redis nobody knows of workers."""
        return await self._missing.get()

    async def _read_state(self) -> QueueState:
        return await run_in_threadpool(read_queue_state, self._redis)

    async def _look_for_missing(self) -> list[str]:
        state, kept = await asyncio.gather(_or_none(self.state()), _or_none(self._store.try_to_write()))
        missing = {
            "redis": state is None,
            "store": kept is None,
            "worker": state is not None and not any(state.workers.values()),
        }
        return [name for name, is_missing in missing.items() if is_missing]


async def _or_none(looked_for: Awaitable[T]) -> T | None:
    """None for what fails, or does not answer in time."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await looked_for
    except (RedisError, StoreError, TimeoutError):
        return None


@router.api_route("/livez", methods=["GET", "HEAD"])
async def alive(_: Request) -> JsonResponse:
    """The process answers; says nothing of Redis or workers."""
    return JsonResponse({"status": "ok"})


@router.api_route("/readyz", methods=["GET", "HEAD"])
async def ready(request: Request) -> JsonResponse:
    """Whether a request that came now would be accepted and worked on; 503 names what is missing."""
    missing = await _health(request).missing()
    status = "unavailable" if missing else "ok"
    return JsonResponse({"status": status, "missing": missing}, 503 if missing else 200)


@router.api_route("/health", methods=["GET", "HEAD"])
async def health(request: Request) -> JsonResponse:
    """Counts, for people and dashboards."""
    state = await _health(request).state()
    body: dict[str, Any] = {
        "version": version("superimpose"),
        "waiting": state.waiting,
        "processing": state.processing,
        "oldest_waiting_s": round(state.oldest_waiting_s, 3),
        "workers": state.workers,
    }
    return JsonResponse(body)


def _health(request: Request) -> Health:
    found: Health = request.app.state.service.health
    return found
