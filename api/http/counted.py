"""Counting calls: how many, how they were answered, how long that took."""

from starlette.types import Scope

from telemetry import metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Counted by name; a client may send any word."""

UNMATCHED = "unmatched"
"""Stands for every path that no route has."""


def count_call(scope: Scope, status: int, seconds: float) -> None:
    """Count a call that was answered."""
    if status:
        method = scope["method"] if scope["method"] in METHODS else "other"
        metrics.observe_call(_template(scope), method, status, seconds)


def _template(scope: Scope) -> str:
    route = scope.get("route")
    return UNMATCHED if route is None else route.path
