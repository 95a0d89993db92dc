"""The bodies of answers about a request."""

from typing import Any

from fastapi import Request

from api.dependencies import Seen
from api.service import origin_of
from jobs.lifecycle.options import echo
from jobs.lifecycle.output import Output
from jobs.lifecycle.record import Record
from jobs.lifecycle.status import TERMINAL, Status


def build_urls(origin: str, request_id: str) -> dict[str, str]:
    return {
        "status_url": f"{origin}/v2/requests/{request_id}/status",
        "response_url": f"{origin}/v2/requests/{request_id}",
    }


def submitted_body(origin: str, request_id: str, custom_id: str | None) -> dict[str, Any]:
    """Of a request that was accepted just now."""
    return {
        "request_id": request_id,
        **echo(custom_id),
        "status": Status.QUEUED,
        **build_urls(origin, request_id),
        "poll_url": f"{origin}/v1/requests/{request_id}",
        "cancel_url": f"{origin}/v2/requests/{request_id}/cancel",
    }


def status_body(request: Request, seen: Seen) -> dict[str, Any]:
    """Where it stands, and why if it FAILED. Raises 400 for a host that no URL can have."""
    record = seen.record
    body: dict[str, Any] = {
        "status": record.status,
        "request_id": record.request_id,
        **echo(record.custom_id),
    }
    if record.status not in TERMINAL:
        body |= build_urls(origin_of(request), record.request_id)
    if record.status is Status.QUEUED and seen.position is not None:
        body["queue_position"] = seen.position
    if record.status is Status.FAILED:
        body |= {"error": record.error, "code": record.code}
    return body | {"metrics": record.metrics}


def result_body(origin: str, record: Record, output: Output) -> dict[str, Any]:
    """Of a COMPLETED request, its picture by URL."""
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
