"""A request's status as Server-Sent Events: as it is now, then at each change, until it has ended.

Not by `fastapi.sse`: its keep-alive comments come every 15 s, here every 10 s; it sends `Cache-Control:
no-cache`, here `no-store`; and it runs two tasks and two memory streams more for each stream that waits.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from pydantic_core import to_json
from redis import RedisError
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.dependencies import Seen
from api.errors import ApiError
from api.status_body import status_body
from api.waiting.call import waiting
from jobs.lifecycle.record import View
from jobs.lifecycle.status import TERMINAL, Status

HEARTBEAT_S = 10.0
LONGEST_S = 600.0
RECONNECT_MS = 2000

RECONNECT = b"retry: %d\n\n" % RECONNECT_MS
HEARTBEAT = b": waiting\n\n"
RANKS = {"": 0, Status.QUEUED: 1, Status.PROCESSING: 2, Status.COMPLETED: 3, Status.FAILED: 3}
"""By the id of an event, which is its status. A request only moves on: the id says what was received."""


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
        "description": "Events named `status`; `data` is the body that the status would be answered with",
        "content": {"text/event-stream": {"schema": EVENT, "example": EXAMPLE}},
    },
    204: {"description": "The last event was received already; EventSource does not come again"},
}
"""Answers of a stream other than errors."""


async def _describe(
    last_event_id: Annotated[
        Status | None,
        Header(
            alias="Last-Event-ID",
            description="`id` of the last event that was received, as EventSource sends it when it connects "
            "again: only what came after it is sent.",
        ),
    ] = None,
) -> None: ...


LAST_EVENT_ID = Depends(_describe)  # documents the header


class EventStream(StreamingResponse):
    """The events after that with the id `last`, "" for all of them.

    All of it fits into a connection's buffer, so that a client that does not read holds up nothing.
    """

    media_type = "text/event-stream"

    def __init__(
        self, request: Request, last: str, heartbeat_s: float = HEARTBEAT_S, longest_s: float = LONGEST_S
    ) -> None:
        super().__init__(self._pieces(request, RANKS.get(last, 0)), headers={"x-accel-buffering": "no"})
        self._heartbeat_s = heartbeat_s
        self._longest_s = longest_s

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        """Send them; that the client has gone is noticed where they come from."""
        await self.stream_response(send)

    async def _pieces(self, request: Request, known: int) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._longest_s
        yield RECONNECT
        with waiting(request, request.path_params["request_id"], View.STATUS) as call:
            while not call.over and loop.time() < until:
                try:
                    seen = await call.read()
                except RedisError:
                    call.retry_soon()
                    yield HEARTBEAT
                except ApiError:
                    return  # it has expired, which the client learns when it connects again
                else:
                    if RANKS[seen.record.status] > known:
                        known = RANKS[seen.record.status]
                        yield _event(seen, status_body(request, seen))
                    if seen.record.status in TERMINAL:
                        return
                while not await call.change(min(self._heartbeat_s, until - loop.time())):
                    if loop.time() >= until:
                        return
                    yield HEARTBEAT


def _event(seen: Seen, body: Mapping[str, Any]) -> bytes:
    return b"event: status\nid: %s\ndata: %s\n\n" % (seen.record.status.encode(), to_json(body))
