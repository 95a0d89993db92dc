"""Route classes: a fast one run by Starlette alone, and a traced one."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Route, request_response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.service import service_of
from telemetry.logs import bind_contextvars
from telemetry.traces import Traces, read_traceparent, write_traceparent


class PlainRoute(APIRoute):
    """A hot route: documented by FastAPI from its signature and `dependencies`, run by Starlette alone.

    FastAPI's dependency resolution adds about 400 us of CPU time to a submit, a fifth of it. The endpoint is
    called with the request, the service and the path parameters; `dependencies` document it and never run.
    """

    matches = Route.matches
    handle = Route.handle

    def __init__(self, path: str, endpoint: Callable[..., Awaitable[Response]], **described: Any) -> None:
        super().__init__(path, endpoint, **described)
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._call(Request(scope, receive, send))
        await response(scope, receive, send)

    async def _call(self, request: Request) -> Response:
        response: Response = await self.endpoint(request, service_of(request), **request.path_params)
        return response


class TracedRoute(PlainRoute):
    """A `PlainRoute` that reads `traceparent` and, if tracing is on, records a span.

    For calls that create requests. Polls get no span: they would be most of all spans and tell little.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **described: Any) -> None:
        super().__init__(path, endpoint, **described)
        self.app = _traced(request_response(self._call), path)


def traceparent_of(request: Request) -> str | None:
    """The trace context to store with a request; None if the call belongs to no trace."""
    traceparent: str = request.state.traceparent
    return traceparent or None


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
        status = 500  # sent by an outer layer if `app` raises

        async def note_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await app(scope, receive, note_status)
        finally:
            span.set_attribute("http.response.status_code", status)
            if request_id := state.get("request_id"):
                span.set_attribute("superimpose.request_id", request_id)
            if status >= 500:
                span.set_status(StatusCode.ERROR)
            span.end()

    return traced
