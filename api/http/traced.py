"""Routes whose calls belong to a trace: those that make requests.

Polls would be most of all spans and say little, so they get none.
"""

from collections.abc import Callable
from typing import Any

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.direct import DirectRoute
from telemetry.log_context import bind_contextvars
from telemetry.trace_context import TraceContext
from telemetry.traces import Traces


class TracedRoute(DirectRoute):
    """As `DirectRoute`; reads `traceparent`, and makes a span of each call where traces are on."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **described: Any) -> None:
        super().__init__(path, endpoint, **described)
        self.app = _traced(self.app, path)


def trace_of(request: Request) -> TraceContext | None:
    """The trace that the call belongs to; None where none came and none is made."""
    trace: TraceContext | None = request.state.trace
    return trace


def _traced(app: ASGIApp, route: str) -> ASGIApp:
    async def traced(scope: Scope, receive: Receive, send: Send) -> None:
        came = TraceContext.of_headers(Headers(scope=scope).getlist("traceparent"))
        traces: Traces | None = scope["app"].state.service.traces
        state = scope.setdefault("state", {})
        state["trace"] = came
        if came:
            bind_contextvars(trace_id=came.trace_id)
        if traces is None:
            await app(scope, receive, send)
            return
        call = traces.call(scope["method"], route, came)
        state["trace"] = call.context
        bind_contextvars(trace_id=call.context.trace_id)
        status = 500  # of an answer that others make, after this

        async def seen(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await app(scope, receive, seen)
        finally:
            call.answered(status, state.get("request_id"))

    return traced
