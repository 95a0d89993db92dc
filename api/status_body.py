"""The bodies of answers about a request."""

from typing import Any

from fastapi import Request

from api.dependencies import Seen
from api.service import origin_of
from jobs.lifecycle.ended import failed_body, result_body
from jobs.lifecycle.options import echo
from jobs.lifecycle.record import Record
from jobs.lifecycle.status import TERMINAL, Status
from jobs.timefmt import rfc3339


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
    if record.status is Status.FAILED:
        return failed_body(record)
    body: dict[str, Any] = {
        "status": record.status,
        "request_id": record.request_id,
        **echo(record.custom_id),
    }
    if record.status not in TERMINAL:
        body |= build_urls(origin_of(request), record.request_id)
    if record.status is Status.QUEUED and seen.position is not None:
        body["queue_position"] = seen.position
    return body | {"metrics": record.metrics}


def listed_body(request: Request, origin: str, record: Record) -> dict[str, Any]:
    """In a list: its status, and of a COMPLETED one what its result says."""
    if record.output is None:
        body = status_body(request, Seen(record, None))
    else:
        body = result_body(origin, record, record.output)
    times = {"created_at": rfc3339(record.created_at), "expires_at": record.expires}
    return {**body, **build_urls(origin, record.request_id), **times}
