"""The span of an attempt, a child of the span of the submit; the receiver's span may be its child."""

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from jobs.webhooks.exchange import Ending, Event, Report
from telemetry.traces import read_traceparent


def start_span(tracer: Tracer, event: Event) -> Span:
    attributes: dict[str, str | int] = {
        "superimpose.request_id": event.request_id,
        "superimpose.key_id": event.record.key_id,
        "superimpose.attempt": event.attempt,
    }
    parent = read_traceparent([event.traceparent] if event.traceparent else [])
    return tracer.start_span("webhook", parent, SpanKind.CLIENT, attributes)


def end_span(span: Span, report: Report) -> None:
    if report.entry and report.entry.status is not None:
        span.set_attribute("http.response.status_code", report.entry.status)
    if report.ending is Ending.RETRY and report.entry:
        span.set_status(Status(StatusCode.ERROR, report.entry.error))
    span.end()
