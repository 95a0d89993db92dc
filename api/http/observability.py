"""Access log and HTTP metrics."""

import logging
from collections.abc import Callable, Sequence
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry import metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Counted by name; others are counted together, as clients may send any word."""

UNMATCHED = "unmatched"  # label of all paths without a route

Observer = Callable[[Scope, int, float], None]
"""Takes the call, the status of its response (0: none was sent) and the duration in seconds."""

log = logging.getLogger("superimpose.access")


class ObservedCalls:
    """ASGI middleware that calls each observer once a response has been sent."""

    def __init__(self, app: ASGIApp, observers: Sequence[Observer]) -> None:
        self._app = app
        self.observers = observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at = perf_counter()
        status = 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            seconds = perf_counter() - started_at
            for observe in self.observers:
                observe(scope, status, seconds)


def log_call(scope: Scope, status: int, seconds: float) -> None:
    """Log the route's template, never the path, which may name a picture or hold a secret."""
    method, route, ms = scope["method"], _template(scope), 1000 * seconds
    fields = {"method": method, "route": route, "http_status": status, "ms": round(ms, 1)}
    log.info("%s %s %d in %.1f ms", method, route or "(no route)", status, ms, extra=fields)


def count_call(scope: Scope, status: int, seconds: float) -> None:
    if status:
        method = scope["method"] if scope["method"] in METHODS else "other"
        metrics.observe_call(_template(scope) or UNMATCHED, method, status, seconds)


def _template(scope: Scope) -> str | None:
    return getattr(scope.get("route"), "path", None)
