"""Fields that every line about a request carries."""

from contextlib import AbstractContextManager

from telemetry.imports import as_if_not_installed

with as_if_not_installed("rich"):  # for colours; 5 MB and 60 ms of every process
    from structlog.contextvars import bind_contextvars, bound_contextvars

__all__ = ["about_request", "bind_contextvars", "bound_contextvars"]


def about_request(
    request_id: str, key_id: str, attempt: int, trace_id: str = "", custom_id: str = ""
) -> AbstractContextManager[None]:
    """Bind these inside the block; the last two only where there are any."""
    optional = {"trace_id": trace_id, "custom_id": custom_id}
    there = {name: text for name, text in optional.items() if text}
    return bound_contextvars(request_id=request_id, key_id=key_id, attempt=attempt, **there)
