"""Whether traces are exported: as OpenTelemetry's own variables say, and only with the extra `otel`."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from telemetry.trace_context import TraceContext

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")

log = logging.getLogger("superimpose.traces")


@dataclass(frozen=True)
class Attempt:
    """One attempt at a request, seen from its end. Times are seconds since the epoch on this host's clock.

    `waited_s`: how long the request was in the queue before; None where it was not its first attempt.
    `code` is empty unless it failed. `stages`: seconds of each, in their order.
    """

    attributes: Mapping[str, str | int]
    start: float
    end: float
    waited_s: float | None = None
    code: str = ""
    stages: Mapping[str, float] = field(default_factory=dict)


class Call(Protocol):
    """A call that is being answered; what it leads to is a child of its `context`."""

    @property
    def context(self) -> TraceContext:
        """Its own span."""

    def answered(self, status: int, request_id: str | None) -> None:
        """It ends now, with this HTTP status."""


class Traces(Protocol):
    """The spans of one process."""

    def call(self, method: str, route: str, came: TraceContext | None) -> Call:
        """Begin a call to a route, which is a template and never a path that somebody sent."""

    def attempt(self, came: TraceContext | None, attempt: Attempt) -> None:
        """An attempt with its stages, and the wait for it; all after the fact."""

    def close(self) -> None:
        """Send what is left, for a moment."""


def open_traces(role: str) -> Traces | None:
    """The exporter of this process, to be opened after any fork; None, with a warning, if it cannot be had.

    `role` is part of the service's name where OTEL_SERVICE_NAME does not say it.
    """
    if not is_wanted(os.environ):
        return None
    obstacle = _obstacle(os.environ)
    if obstacle is None:
        try:
            from telemetry.otlp import OtlpTraces  # nothing of it is loaded where traces are off

            return OtlpTraces(role)
        except ImportError:
            obstacle = "opentelemetry is not installed: pip install '.[otel]' in the clone"
        except ValueError as error:
            obstacle = f"a variable OTEL_* is wrong: {error}"
    log.warning("traces are off: %s", obstacle)
    return None


def is_wanted(environment: Mapping[str, str]) -> bool:
    """By an endpoint or an exporter: the standard's default, a collector on this host, is not assumed."""
    exporter = environment.get("OTEL_TRACES_EXPORTER")
    if exporter == "none" or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return bool(exporter or _first(environment, ENDPOINTS))


def _obstacle(environment: Mapping[str, str]) -> str | None:
    exporter = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    if exporter != "otlp":
        return f"OTEL_TRACES_EXPORTER = {exporter!a} is not one of otlp, none"
    protocol = _first(environment, PROTOCOLS) or "http/protobuf"
    if protocol != "http/protobuf":
        return f"OTEL_EXPORTER_OTLP_PROTOCOL = {protocol!a} must be http/protobuf (a collector's port 4318)"
    return None


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next(filter(None, map(environment.get, names)), None)
