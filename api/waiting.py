"""A call that waits: until its request changes, its client goes, or this process is about to stop."""

import asyncio
import contextlib
from collections.abc import Iterator

from fastapi import Request

from api.access import Seen
from api.errors import unknown_request
from api.service import service_of
from jobs.record import View

RETRY_S = 1.0  # between two attempts to read while Redis is away


class Waiting:
    """One such call, between what it reads of its request."""

    def __init__(self, request: Request, view: View, woken: asyncio.Event) -> None:
        self._request = request
        self._view = view
        self._woken = woken
        self._service = service_of(request)
        self._client_gone = False

    @property
    def over(self) -> bool:
        """Whether there is nobody left to wait for, or no time."""
        return self._client_gone or self._service.changes.stopping

    async def change(self, at_most_s: float) -> bool:
        """Wait for a change or the end of waiting; False if neither has come in so many seconds."""
        if not self.over:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(at_most_s):
                    await self._woken.wait()
        changed = self._woken.is_set() or self.over
        self._woken.clear()
        return changed

    async def read(self) -> Seen:
        """The request as it is now. Raises 404 once it has expired, and `redis.RedisError`."""
        request_id: str = self._request.path_params["request_id"]
        record, position = await self._service.reader.request(request_id, self._view)
        if record is None:
            raise unknown_request(request_id)
        return Seen(record, position)

    def retry_soon(self) -> None:
        """Count it as a change that Redis could not be read."""
        asyncio.get_running_loop().call_later(RETRY_S, self._woken.set)

    async def notice_leaving(self) -> None:
        """Wake whoever waits when the client has closed its connection."""
        while (await self._request.receive())["type"] != "http.disconnect":
            pass  # a body that nobody asked for
        self._client_gone = True
        self._woken.set()


@contextlib.contextmanager
def waiting(request: Request, view: View) -> Iterator[Waiting]:
    """A call that waits for the request in its path. Read it after this and again after each change."""
    with service_of(request).changes.watch(request.path_params["request_id"]) as woken:
        waiting = Waiting(request, view, woken)
        leaving = asyncio.create_task(waiting.notice_leaving())
        try:
            yield waiting
        finally:
            leaving.cancel()
