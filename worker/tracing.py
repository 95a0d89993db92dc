"""The spans of an attempt, created after its end."""

import time

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context

from jobs.lifecycle.status import FailureCode
from telemetry.stages import STAGES
from telemetry.traces import read_traceparent
from worker.attempt import Attempt, Interrupted
from worker.child.child import ChildDied
from worker.child.messages import Outcome


def trace_attempt(tracer: Tracer, attempt: Attempt, ended: Outcome | Interrupted | ChildDied) -> None:
    """Create the spans of an attempt that has just been reported.

    The child measures how long each stage took, not when it started. The stage spans therefore follow each
    other from the start of the attempt, and the time between stages appears as a gap before its end.
    """
    claim, start_s = attempt.claim, attempt.claimed_at_epoch_s
    parent, start = read_traceparent([claim.traceparent]), _ns(start_s)
    attributes: dict[str, str | int] = {
        "superimpose.request_id": claim.request_id,
        "superimpose.key_id": claim.key_id,
        "superimpose.attempt": claim.attempt,
    }
    span = tracer.start_span("attempt", parent, SpanKind.CONSUMER, attributes, start_time=start)
    if not span.is_recording():
        return
    if claim.traceparent and claim.attempt == 1:
        tracer.start_span("queue wait", parent, start_time=_ns(start_s - claim.age_s)).end(start)
    within, at = set_span_in_context(span, Context()), start
    stages = ended.stages if isinstance(ended, Outcome) else {}
    for stage in STAGES:
        if stage in stages:
            stage_span = tracer.start_span(stage, within, start_time=at)
            at += _ns(stages[stage])
            stage_span.end(at)
    code = _code(ended)
    if code == Interrupted.GIVEN_BACK:
        span.set_attribute("superimpose.given_back", True)
    elif code:
        span.set_attribute("error.type", code)
        span.set_status(Status(StatusCode.ERROR, code))
    span.end(max(at, time.time_ns()))


def _code(ended: Outcome | Interrupted | ChildDied) -> str:
    if isinstance(ended, Outcome):
        return ended.code
    return FailureCode.WORKER_LOST if isinstance(ended, ChildDied) else ended


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
