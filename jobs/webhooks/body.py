"""The bodies of ended requests and of batches in responses, and of their events.

An event has the same bytes at each attempt, from its stored copy of the request or batch.
"""

import json
from typing import Any

from jobs.batches.record import BatchRecord
from jobs.lifecycle.options import echo
from jobs.lifecycle.output import Output
from jobs.lifecycle.record import Record
from jobs.timefmt import rfc3339

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode  # dumps makes one at each call


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
    return {
        "status": record.status,
        "request_id": record.request_id,
        **echo(record.custom_id),
        "error": record.error,
        "code": record.code,
        "metrics": record.metrics,
    }


def batch_body(origin: str, batch: BatchRecord) -> dict[str, Any]:
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


def event_body(ended: Record | BatchRecord, origin: str, has_base64: bool) -> bytes:
    """The response for the result or the batch, with `type` and `timestamp`, without a picture as base64."""
    if isinstance(ended, BatchRecord):
        subject, body = "batch", batch_body(origin, ended)
    elif ended.output is None:
        subject, body = "request", failed_body(ended)
    else:
        subject, body = "request", result_body(origin, ended, ended.output)
        if has_base64:
            body |= {"output": None, "output_omitted": "base64"}
    head = {"type": f"{subject}.{ended.status.lower()}", "timestamp": rfc3339(ended.finished_at or 0)}
    return _encode(head | body).encode()
