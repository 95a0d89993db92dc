"""The body of an event: the same bytes at each attempt, from its stored copy of the request or batch."""

import json
from typing import Any

from jobs.batches.record import BatchRecord
from jobs.lifecycle.ended import failed_body, result_body
from jobs.lifecycle.record import Record
from jobs.timefmt import rfc3339

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode  # dumps makes one at each call


def batch_body(origin: str, batch: BatchRecord) -> dict[str, Any]:
    """A batch in responses and events, with URLs below `origin`."""
    url = f"{origin}/v2/batches/{batch.batch_id}"
    counts = ("total", "queued", "processing", "completed", "failed")
    return {
        "batch_id": batch.batch_id,
        "status": batch.status,
        **({"cancelled": True} if batch.cancelled else {}),
        "request_counts": {name: getattr(batch, name) for name in counts},
        "status_url": url,
        "requests_url": f"{url}/requests",
        "results_url": f"{url}/results",
        "cancel_url": f"{url}/cancel",
        "zip_url": f"{origin}/archives/{batch.archive}.zip",
        "created_at": rfc3339(batch.created_at),
        "finished_at": None if batch.finished_at is None else rfc3339(batch.finished_at),
        "expires_at": batch.expires,
    }


def batch_event_body(batch: BatchRecord, origin: str) -> bytes:
    """The response for the batch, with `type` and `timestamp`."""
    head = {"type": "batch.completed", "timestamp": rfc3339(batch.finished_at or 0)}
    return _encode(head | batch_body(origin, batch)).encode()


def event_body(record: Record, origin: str, has_base64: bool) -> bytes:
    """The response for the result, with `type` and `timestamp`, without a picture as base64."""
    body: dict[str, Any] = {
        "type": f"request.{record.status.lower()}",
        "timestamp": rfc3339(record.finished_at or 0),
    }
    if record.output is None:
        body |= failed_body(record)
    else:
        body |= result_body(origin, record, record.output)
        if has_base64:
            body |= {"output": None, "output_omitted": "base64"}
    return _encode(body).encode()
