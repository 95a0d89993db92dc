"""Fields of every log line about a request."""

from contextlib import AbstractContextManager

from telemetry.imports import as_if_not_installed

with as_if_not_installed("rich"):  # only for colours, takes 5 MB and 60 ms in every process
    from structlog.contextvars import bind_contextvars, bound_contextvars

__all__ = ["about_request", "bind_contextvars", "bound_contextvars"]


def about_request(
    request_id: str, key_id: str, attempt: int, trace_id: str = "", custom_id: str = ""
) -> AbstractContextManager[None]:
    """Bind these fields inside the block, the optional ones unless they are empty."""
    optional = {"trace_id": trace_id, "custom_id": custom_id}
    given = {name: text for name, text in optional.items() if text}
    return bound_contextvars(request_id=request_id, key_id=key_id, attempt=attempt, **given)
