"""Response bodies about a request."""

import base64
from typing import Any

from fastapi import Request

from api.admission import RequestState
from api.service import Service, origin_of
from jobs.lifecycle.options import echo
from jobs.lifecycle.output import Output
from jobs.lifecycle.record import Record
from jobs.lifecycle.status import TERMINAL, Status
from jobs.timefmt import rfc3339
from jobs.webhooks.body import failed_body, result_body


def build_urls(origin: str, request_id: str) -> dict[str, str]:
    return {
        "status_url": f"{origin}/v2/requests/{request_id}/status",
        "response_url": f"{origin}/v2/requests/{request_id}",
    }


def submitted_body(origin: str, request_id: str, custom_id: str | None) -> dict[str, Any]:
    return {
        "request_id": request_id,
        **echo(custom_id),
        "status": Status.QUEUED,
        **build_urls(origin, request_id),
        "poll_url": f"{origin}/v1/requests/{request_id}",
        "cancel_url": f"{origin}/v2/requests/{request_id}/cancel",
    }


def status_body(request: Request, state: RequestState) -> dict[str, Any]:
    """Raises 400 for an invalid Host header."""
    record = state.record
    if record.status is Status.FAILED:
        return failed_body(record)
    body: dict[str, Any] = {
        "status": record.status,
        "request_id": record.request_id,
        **echo(record.custom_id),
    }
    if record.status not in TERMINAL:
        body |= build_urls(origin_of(request), record.request_id)
    if record.status is Status.QUEUED and state.position is not None:
        body["queue_position"] = state.position
    return body | {"metrics": record.metrics}


def listed_body(request: Request, origin: str, record: Record) -> dict[str, Any]:
    """An item of a list: the status or, if COMPLETED, the result; its batch, URLs and times."""
    if record.output is None:
        body = status_body(request, RequestState(record, None))
    else:
        body = result_body(origin, record, record.output)
    batch = {"batch_id": record.batch_id} if record.batch_id else {}
    times = {"created_at": rfc3339(record.created_at), "expires_at": record.expires}
    return {**body, **batch, **build_urls(origin, record.request_id), **times}


async def read_base64(service: Service, output: Output) -> str:
    data = await service.store_threads.run(service.store.get, output.path)
    return base64.b64encode(data).decode()
