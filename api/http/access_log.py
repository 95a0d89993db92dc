"""One line of log for each call that was answered; only where it is wanted."""

import logging

from starlette.types import Scope

log = logging.getLogger("superimpose.access")


def log_call(scope: Scope, status: int, seconds: float) -> None:
    """Says the route's template: what was sent may hold a secret, or name a picture."""
    method, route, ms = scope["method"], getattr(scope.get("route"), "path", None), 1000 * seconds
    fields = {"method": method, "route": route, "http_status": status, "ms": round(ms, 1)}
    log.info("%s %s %d in %.1f ms", method, route or "(no route)", status, ms, extra=fields)
