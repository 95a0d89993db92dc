"""The status of a request as Server-Sent Events: the current one, then each change, until the end.

`fastapi.sse` does not fit: it sends keep-alive comments every 15 s (here 10 s) and `Cache-Control: no-cache`
(here `no-store`), and needs two more tasks and two more memory streams per stream.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

from fastapi import Header, Request
from pydantic_core import to_json
from redis import RedisError
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.errors import ApiError
from api.openapi import described
from api.status_body import status_body
from api.waiting.call import wait_on_request
from jobs.lifecycle.record import View
from jobs.lifecycle.status import Status

HEARTBEAT_S = 10.0
LONGEST_S = 600.0
RECONNECT_MS = 2000

RECONNECT = b"retry: %d\n\n" % RECONNECT_MS
HEARTBEAT = b": waiting\n\n"
RANKS = {"": 0, Status.QUEUED: 1, Status.PROCESSING: 2, Status.COMPLETED: 3, Status.FAILED: 3}
"""Order of the statuses. The id of an event is its status, so the last id tells what was received."""

STATUSES = [status.value for status in Status]
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
        "description": "Events named `status`; `data` is the body of `GET .../status`",
        "content": {"text/event-stream": {"schema": EVENT, "example": EXAMPLE}},
    },
    204: {"description": "The last event was already received; stops the reconnects of EventSource"},
}
"""Successful responses of a stream."""


LAST_EVENT_ID = described(
    Annotated[
        Status | None,
        Header(
            alias="Last-Event-ID",
            description="`id` of the last event received, which EventSource sends when it reconnects: only "
            "later events are sent.",
        ),
    ],
    None,
)


class EventStream(StreamingResponse):
    """The events after the one with the id `last_id`; "" for all.

    A whole stream fits into a connection's buffer, so a client that does not read blocks nothing.
    """

    media_type = "text/event-stream"

    def __init__(
        self, request: Request, last_id: str, heartbeat_s: float = HEARTBEAT_S, longest_s: float = LONGEST_S
    ) -> None:
        super().__init__(self._chunks(request, RANKS.get(last_id, 0)), headers={"x-accel-buffering": "no"})
        self._heartbeat_s = heartbeat_s
        self._longest_s = longest_s

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        """Send the events. `WaitingCall` watches for the disconnect, which Starlette would watch for here."""
        await self.stream_response(send)

    async def _chunks(self, request: Request, sent_rank: int) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._longest_s
        yield RECONNECT
        with wait_on_request(request, request.path_params["request_id"], View.STATUS) as call:
            while not call.must_end and loop.time() < until:
                try:
                    state = await call.read()
                except RedisError:
                    call.retry_soon()
                    yield HEARTBEAT
                except ApiError:
                    return  # the request has expired; the client gets a 404 when it reconnects
                else:
                    if RANKS[state.record.status] > sent_rank:
                        sent_rank = RANKS[state.record.status]
                        yield _event(state.record.status, status_body(request, state))
                    if state.has_ended:
                        return
                while not await call.wait_for_change(min(self._heartbeat_s, until - loop.time())):
                    if loop.time() >= until:
                        return
                    yield HEARTBEAT


def _event(status: Status, body: Mapping[str, Any]) -> bytes:
    return b"event: status\nid: %s\ndata: %s\n\n" % (status.encode(), to_json(body))
