"""The tracer of a process: a no-op, unless OpenTelemetry's own variables name a collector."""

import logging
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import NoOpTracer, Span, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
TRACEPARENT = "traceparent"

_propagator = TraceContextTextMapPropagator()

log = logging.getLogger("superimpose.traces")


class Traces(NamedTuple):
    """`close` exports the remaining spans, for 2 s at most."""

    tracer: Tracer = NoOpTracer()
    close: Callable[[], None] = lambda: None


def open_traces(role: str) -> Traces:
    """Open the tracer; call it after any fork. If the exporter cannot be opened, warn and trace nothing.

    `role` is part of the service's name unless OTEL_SERVICE_NAME sets it.
    """
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # we log its failures ourselves, once
    if not _is_enabled():
        return Traces()
    obstacle = _obstacle()
    if obstacle is None:
        try:
            from telemetry.otlp import open_exporter  # imported late: not needed if traces are off

            return Traces(*open_exporter(role))
        except ImportError:
            obstacle = "the exporter is not installed: pip install '.[otel]' in the clone"
        except ValueError as error:
            obstacle = f"a variable OTEL_* is wrong: {error}"
    log.warning("traces are off: %s", obstacle)
    return Traces()


def read_traceparent(headers: Sequence[str]) -> Context:
    """The context of a remote span; empty unless there is exactly one valid `traceparent`."""
    return _propagator.extract({TRACEPARENT: headers[0]} if len(headers) == 1 else {}, Context())


def write_traceparent(span: Span) -> str:
    """The `traceparent` for children of `span`; "" without a trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, set_span_in_context(span, Context()))
    return carrier.get(TRACEPARENT, "")


def _is_enabled() -> bool:
    """Whether an endpoint or exporter is set; unlike the standard we assume no collector on this host."""
    exporter = os.environ.get("OTEL_TRACES_EXPORTER")
    if exporter == "none" or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return bool(exporter or _first(ENDPOINTS))


def _obstacle() -> str | None:
    exporter = os.environ.get("OTEL_TRACES_EXPORTER") or "otlp"
    if exporter != "otlp":
        return f"OTEL_TRACES_EXPORTER = {exporter!a} is not one of otlp, none"
    protocol = _first(PROTOCOLS) or "http/protobuf"
    if protocol != "http/protobuf":
        return f"OTEL_EXPORTER_OTLP_PROTOCOL = {protocol!a} must be http/protobuf (a collector's port 4318)"
    return None


def _first(names: tuple[str, ...]) -> str | None:
    return next(filter(None, map(os.environ.get, names)), None)
