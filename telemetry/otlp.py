"""Spans, sent to a collector as OTLP over HTTP by a thread of its own: nobody waits for it but the drain."""

import logging
import threading
from collections.abc import Sequence
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from telemetry.trace_context import TraceContext
from telemetry.traces import Attempt

FLUSH_S = 2  # at the end of a process; a collector that is away does not hold it up for longer

log = logging.getLogger("superimpose.traces")


class OtlpCall:
    """As `telemetry.traces.Call`."""

    def __init__(self, span: Span) -> None:
        self._span = span
        context = span.get_span_context()
        self.context = TraceContext(
            f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags.sampled
        )

    def answered(self, status: int, request_id: str | None) -> None:
        """It ends now, with this HTTP status."""
        self._span.set_attribute("http.response.status_code", status)
        if request_id:
            self._span.set_attribute("superimpose.request_id", request_id)
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class OtlpTraces:
    """As `telemetry.traces.Traces`. Raises `ValueError` where a variable OTEL_* is wrong."""

    def __init__(self, role: str) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # `_Exporter` says it once
        ours = {"service.name": f"superimpose-{role}", "service.version": version("superimpose")}
        resource = Resource.create().merge(Resource(ours)).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_Exporter()))
        self._tracer = self._provider.get_tracer("superimpose", version("superimpose"))

    def call(self, method: str, route: str, came: TraceContext | None) -> OtlpCall:
        """Begin a call to a route, which is a template and never a path that somebody sent."""
        attributes = {"http.request.method": method, "http.route": route}
        name = f"{method} {route}"
        return OtlpCall(self._tracer.start_span(name, _within(came), SpanKind.SERVER, attributes))

    def attempt(self, came: TraceContext | None, attempt: Attempt) -> None:
        """An attempt with its stages, and the wait for it; all after the fact.

        The child that works measures how long each stage took, not when it began: they are laid one after the
        other from the attempt's start, so what lies between them shows as a gap before the attempt's end.
        """
        parent, start = _within(came), _ns(attempt.start)
        if came and attempt.waited_s is not None:
            self._past("queue wait", parent, _ns(attempt.start - attempt.waited_s), start)
        span = self._tracer.start_span(
            "attempt", parent, SpanKind.CONSUMER, attempt.attributes, start_time=start
        )
        within, at = set_span_in_context(span, Context()), start
        for stage, seconds in attempt.stages.items():
            self._past(stage, within, at, at + _ns(seconds))
            at += _ns(seconds)
        if attempt.code:
            span.set_attribute("error.type", attempt.code)
            span.set_status(Status(StatusCode.ERROR, attempt.code))
        span.end(max(at, _ns(attempt.end)))

    def close(self) -> None:
        """Send what is left, for a moment."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(FLUSH_S)

    def _past(self, name: str, within: Context, start: int, end: int) -> None:
        self._tracer.start_span(name, within, start_time=start).end(end)


class _Exporter(OTLPSpanExporter):
    """As `OTLPSpanExporter`, but logs only that failures began, and that they are over."""

    _failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Raises nothing: what cannot be sent is dropped."""
        result = super().export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self._failing:
            log.warning("traces cannot be exported and are dropped: the collector is away or refuses them")
        elif self._failing and not failed:
            log.info("traces are exported again")
        self._failing = failed
        return result


def _within(came: TraceContext | None) -> Context:
    if came is None:
        return Context()
    ids = int(came.trace_id, 16), int(came.span_id, 16)
    remote = SpanContext(*ids, is_remote=True, trace_flags=TraceFlags(came.sampled))
    return set_span_in_context(NonRecordingSpan(remote), Context())


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
