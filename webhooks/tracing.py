"""The span of an attempt, a child of the span that submitted the request; the receiver's may be its child."""

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from jobs.webhooks.exchange import Ending, Event, Report
from telemetry.traces import read_traceparent


def begin_span(tracer: Tracer, event: Event) -> Span:
    attributes: dict[str, str | int] = {
        "superimpose.request_id": event.request_id,
        "superimpose.key_id": event.record.key_id,
        "superimpose.attempt": event.attempt,
    }
    parent = read_traceparent([event.traceparent] if event.traceparent else [])
    return tracer.start_span("webhook", parent, SpanKind.CLIENT, attributes)


def end_span(span: Span, report: Report) -> None:
    if report.made and report.made.status is not None:
        span.set_attribute("http.response.status_code", report.made.status)
    if report.ending is Ending.RETRY and report.made:
        span.set_status(Status(StatusCode.ERROR, report.made.error))
    span.end()
