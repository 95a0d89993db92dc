"""The body of an event: the same bytes at each attempt, from what the event keeps of its request."""

import json
from typing import Any

from jobs.lifecycle.ended import failed_body, result_body
from jobs.lifecycle.record import Record
from jobs.timefmt import rfc3339

_encoded = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False
).encode  # dumps would make one each time


def event_body(record: Record, origin: str, has_base64: bool) -> bytes:
    """The answer to a call for the result, `type` and `timestamp`; a picture as base64 is left out."""
    said: dict[str, Any] = {
        "type": f"request.{record.status.lower()}",
        "timestamp": rfc3339(record.finished_at or 0),
    }
    if record.output is None:
        said |= failed_body(record)
    else:
        said |= result_body(origin, record, record.output)
        if has_base64:
            said |= {"output": None, "output_omitted": "base64"}
    return _encoded(said).encode()
