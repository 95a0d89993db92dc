"""Routes whose calls belong to a trace: those that make requests.

Polls would be most of all spans and say little, so they get none.
"""

from collections.abc import Callable
from typing import Any

from fastapi import Request
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.direct import DirectRoute
from telemetry.log_context import bind_contextvars
from telemetry.traces import Traces, read_traceparent, write_traceparent


class TracedRoute(DirectRoute):
    """As `DirectRoute`; reads `traceparent`, and makes a span of each call where traces are on."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **described: Any) -> None:
        super().__init__(path, endpoint, **described)
        self.app = _traced(self.app, path)


def traceparent_of(request: Request) -> str:
    """For what the call leads to; "" where it belongs to no trace."""
    traceparent: str = request.state.traceparent
    return traceparent


def _traced(app: ASGIApp, route: str) -> ASGIApp:
    async def traced(scope: Scope, receive: Receive, send: Send) -> None:
        traces: Traces = scope["app"].state.service.traces
        span = traces.tracer.start_span(
            f"{scope['method']} {route}",
            read_traceparent(Headers(scope=scope).getlist("traceparent")),
            SpanKind.SERVER,
            {"http.request.method": scope["method"], "http.route": route},
        )
        state = scope.setdefault("state", {})
        state["traceparent"] = write_traceparent(span)
        if state["traceparent"]:
            bind_contextvars(trace_id=format_trace_id(span.get_span_context().trace_id))
        if not span.is_recording():
            await app(scope, receive, send)
            return
        status = 500  # of an answer that others make, after this

        async def seen(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await app(scope, receive, seen)
        finally:
            span.set_attribute("http.response.status_code", status)
            if request_id := state.get("request_id"):
                span.set_attribute("superimpose.request_id", request_id)
            if status >= 500:
                span.set_status(StatusCode.ERROR)
            span.end()

    return traced
