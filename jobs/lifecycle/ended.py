"""The body of an ended request, in responses and in events."""

from typing import Any

from jobs.lifecycle.options import echo
from jobs.lifecycle.output import Output
from jobs.lifecycle.record import Record


def result_body(origin: str, record: Record, output: Output) -> dict[str, Any]:
    """The body of a COMPLETED request, with the URL of its picture below `origin`."""
    url = f"{origin}/pictures/{output.file_name}"
    image = {
        "url": url,
        "content_type": output.content_type,
        "file_name": output.file_name,
        "file_size": output.file_size,
        "width": output.width,
        "height": output.height,
    }
    return {
        "status": record.status,
        "request_id": record.request_id,
        **echo(record.custom_id),
        "error": None,
        "output": url,
        "images": [image],
        "metrics": record.metrics,
        "expires_at": record.expires,
        **({"animated": output.animated} if output.animated else {}),
        **({"warnings": output.warnings} if output.warnings else {}),
    }


def failed_body(record: Record) -> dict[str, Any]:
    """The body of a FAILED request."""
    return {
        "status": record.status,
        "request_id": record.request_id,
        **echo(record.custom_id),
        "error": record.error,
        "code": record.code,
        "metrics": record.metrics,
    }
