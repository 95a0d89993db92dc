"""Health checks, without a key: liveness, readiness, and the load of the queue."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request

from api.admission import ServiceDep
from api.http.responses import JsonResponse
from api.http.route_classes import PlainRoute

router = APIRouter(route_class=PlainRoute, include_in_schema=False)


@router.api_route("/livez", methods=["GET", "HEAD"])
async def check_alive(_: Request, __: ServiceDep) -> JsonResponse:
    """Checks the process only, not Redis or workers."""
    return JsonResponse({"status": "ok"})


@router.api_route("/readyz", methods=["GET", "HEAD"])
async def check_ready(_: Request, service: ServiceDep) -> JsonResponse:
    """Whether a request submitted now would be accepted and processed; 503 names what is missing."""
    missing = await service.health.missing()
    status = "unavailable" if missing else "ok"
    return JsonResponse({"status": status, "missing": missing}, 503 if missing else 200)


@router.api_route("/health", methods=["GET", "HEAD"])
async def show_health(_: Request, service: ServiceDep) -> JsonResponse:
    """Counts, for people and dashboards."""
    state = await service.health.state()
    body: dict[str, Any] = {
        "version": version("superimpose"),
        "waiting": state.waiting,
        "processing": state.processing,
        "oldest_waiting_s": round(state.oldest_waiting_s, 3),
        "workers": state.workers,
    }
    return JsonResponse(body)
