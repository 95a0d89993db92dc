"""A request's status as Server-Sent Events: as it is now, then at each change, until it has ended."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import Request
from pydantic_core import to_json
from redis import RedisError
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.access import Seen
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
"""By the id of an event, which is its status. A request only moves on: the id says what a client has had."""


class EventStream(StreamingResponse):
    """The events after that with the id `last`, "" for all of them.

    All that it ever sends fits into a connection's buffer, so that one who does not read holds up nothing.
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
                    return  # it has expired, as the client will be told when it comes again
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
