"""The two ways to wait for a request, as documentation."""

from typing import Any

from api.waiting.long_poll import LONGEST_S
from jobs.lifecycle.status import Status

STATUSES = [status.value for status in Status]

WAIT: dict[str, Any] = {
    "name": "wait",
    "in": "query",
    "required": False,
    "description": "Seconds that the answer may take: it comes as soon as the request is COMPLETED or "
    "FAILED, and at the latest then, with the status as it is. 0: at once.",
    "schema": {"type": "number", "minimum": 0, "maximum": LONGEST_S, "default": 0},
}

LAST_EVENT_ID: dict[str, Any] = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "`id` of the last event that was received, as EventSource sends it when it connects "
    "again: only what came after it is sent.",
    "schema": {"type": "string", "enum": STATUSES},
}

EXAMPLE = """retry: 2000

event: status
id: PROCESSING
data: {"status":"PROCESSING","request_id":"...","status_url":"...","response_url":"...","metrics":{}}

event: status
id: COMPLETED
data: {"status":"COMPLETED","request_id":"...","metrics":{"inference_time":0.021}}

"""

EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "event": {"const": "status"},
        "id": {"enum": STATUSES},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "id", "data"],
}

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events named `status`; `data` is the body that the status would be answered with",
        "content": {"text/event-stream": {"schema": EVENT, "example": EXAMPLE}},
    },
    204: {"description": "The last event was received already; EventSource does not come again"},
}
"""Answers of a stream other than errors."""
