"""Logging of every process and its libraries: one line per record on standard error, as JSON or text."""

import logging
import sys
from typing import Literal, TextIO

from telemetry.imports import as_if_not_installed
from telemetry.line_writer import LineWriter

with as_if_not_installed("rich"):  # only for colours, takes 5 MB and 60 ms in every process
    from structlog.contextvars import bind_contextvars as bind_contextvars
    from structlog.contextvars import bound_contextvars as bound_contextvars
    from structlog.contextvars import merge_contextvars
    from structlog.processors import ExceptionRenderer, JSONRenderer, TimeStamper
    from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name
    from structlog.tracebacks import ExceptionDictTransformer
    from structlog.typing import EventDict, WrappedLogger

LogFormat = Literal["json", "console"]

FIELDS = ("request_id", "status", "code", "total_ms", "method", "route", "http_status", "ms")
"""The fields of `extra` that are logged, in addition to those bound by `structlog.contextvars`."""

CONSOLE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def set_up_logs(log_format: LogFormat | None = None) -> None:
    """Log our own records from INFO up, those of libraries from WARNING up."""
    handler = _LineHandler(sys.stderr)
    handler.setFormatter(formatter(format_on(sys.stderr, log_format)))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("superimpose").setLevel(logging.INFO)


def flush_logs() -> None:
    for handler in logging.getLogger().handlers:
        handler.flush()


class _LineHandler(logging.Handler):
    """Writes by a `LineWriter`, so that a slow reader does not block callers."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._writer = LineWriter(stream.fileno(), self._dropped)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.write(self.format(record))
        except Exception:  # the record cannot be formatted; treated as in handlers of logging
            self.handleError(record)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
        super().close()

    def _dropped(self, lines: int) -> str:
        text = f"{lines:,} lines could not be written"
        return self.format(logging.LogRecord("superimpose.log", logging.WARNING, "", 0, text, None, None))


def format_on(stream: TextIO, log_format: LogFormat | None) -> LogFormat:
    return log_format or ("console" if stream.isatty() else "json")


def formatter(log_format: LogFormat) -> logging.Formatter:
    if log_format == "console":
        return logging.Formatter(CONSOLE, "%H:%M:%S")
    return ProcessorFormatter(
        foreign_pre_chain=[
            merge_contextvars,
            TimeStamper(fmt="iso"),
            add_log_level,
            add_logger_name,
            ExtraAdder(allow=FIELDS),
        ],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            # Without locals, which may contain keys and data of clients.
            ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            _in_order,
            JSONRenderer(),
        ],
    )


def _in_order(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    first = {name: fields.pop(name) for name in ("timestamp", "level", "logger", "event")}
    return first | dict(fields)
