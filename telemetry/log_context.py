"""What lines of the log say of the request that they are about."""

from contextlib import AbstractContextManager

from telemetry.imports import as_if_not_installed

with as_if_not_installed("rich"):  # for colours on a terminal; 5 MB and 60 ms of every process
    from structlog.contextvars import bind_contextvars, bound_contextvars

__all__ = ["about_request", "bind_contextvars", "bound_contextvars"]


def about_request(
    request_id: str, key_id: str, attempt: int, trace_id: str = ""
) -> AbstractContextManager[None]:
    """Within it every line says these; `trace_id` only where there is one."""
    trace = {"trace_id": trace_id} if trace_id else {}
    return bound_contextvars(request_id=request_id, key_id=key_id, attempt=attempt, **trace)
