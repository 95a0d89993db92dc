"""Exports spans to a collector by OTLP over HTTP in a thread; only the end of a process waits for it."""

import logging
import threading
from collections.abc import Callable, Sequence
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Tracer

FLUSH_S = 2  # the longest delay of the end of a process if the collector is away

log = logging.getLogger("superimpose.traces")


def open_exporter(role: str) -> tuple[Tracer, Callable[[], None]]:
    """A tracer and the function that closes it. Raises `ValueError` for a wrong OTEL_* variable."""
    attributes = {"service.name": f"superimpose-{role}", "service.version": version("superimpose")}
    resource = Resource.create().merge(Resource(attributes)).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_Exporter()))

    def close() -> None:
        closing = threading.Thread(target=provider.shutdown, daemon=True)
        closing.start()
        closing.join(FLUSH_S)

    return provider.get_tracer("superimpose", version("superimpose")), close


class _Exporter(OTLPSpanExporter):
    """Logs only the first failure and the recovery; spans that cannot be sent are dropped."""

    _failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self._failing:
            log.warning("traces cannot be exported and are dropped: the collector is away or refuses them")
        elif self._failing and not failed:
            log.info("traces are exported again")
        self._failing = failed
        return result
