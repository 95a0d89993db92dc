"""One line of log for each call that was answered; only where it is wanted."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("superimpose.access")


class AccessLog:
    """ASGI middleware; says the route's template: what was sent may hold a secret, or name a picture."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 0  # unless it is answered

        async def seen(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            _log(scope, status, 1000 * (time.perf_counter() - start))


def _log(scope: Scope, status: int, ms: float) -> None:
    method, route = scope["method"], getattr(scope.get("route"), "path", None)
    fields = {"method": method, "route": route, "http_status": status, "ms": round(ms, 1)}
    log.info("%s %s %d in %.1f ms", method, route or "(no route)", status, ms, extra=fields)
