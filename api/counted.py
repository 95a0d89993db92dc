"""Counting calls: how many, how they were answered, how long that took."""

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry import metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Counted by name; a client may send any word."""

UNMATCHED = "unmatched"
"""Stands for every path that no route has."""


class CountedAnswers:
    """ASGI middleware that counts each call when its answer has been sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_at = perf_counter()
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            if status:
                method = scope["method"] if scope["method"] in METHODS else "other"
                metrics.answered(_template(scope), method, status, perf_counter() - began_at)


def _template(scope: Scope) -> str:
    route = scope.get("route")
    return UNMATCHED if route is None else route.path
