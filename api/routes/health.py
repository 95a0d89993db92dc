"""Health checks, without a key: liveness, readiness, and the load of the queue."""

from importlib.metadata import version

from starlette.requests import Request
from starlette.routing import Route, Router

from api.http.responses import JsonResponse
from api.service import service_of


async def check_alive(_: Request) -> JsonResponse:
    """Checks the process only, not Redis or workers."""
    return JsonResponse({"status": "ok"})


async def check_ready(request: Request) -> JsonResponse:
    """Whether a request submitted now would be accepted and processed; 503 names what is missing."""
    missing = await service_of(request).health.missing()
    status = "unavailable" if missing else "ok"
    return JsonResponse({"status": status, "missing": missing}, 503 if missing else 200)


async def show_health(request: Request) -> JsonResponse:
    state = await service_of(request).health.state()
    return JsonResponse(
        {
            "version": version("superimpose"),
            "waiting": state.waiting,
            "processing": state.processing,
            "oldest_waiting_s": round(state.oldest_waiting_s, 3),
            "workers": state.workers,
        }
    )


router = Router([Route("/livez", check_alive), Route("/readyz", check_ready), Route("/health", show_health)])
