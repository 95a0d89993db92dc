"""A call that waits: until its request changes, its client goes, or this process is about to stop."""

import asyncio
import contextlib
from collections.abc import Iterator

from fastapi import Request
from redis import RedisError

from api.dependencies import Seen
from api.errors import unknown_request
from api.service import service_of
from jobs.lifecycle.record import View
from jobs.lifecycle.status import TERMINAL

RETRY_S = 1.0  # between two attempts to read while Redis is away


class Waiting:
    """One such call, between what it reads of its request."""

    def __init__(
        self, request: Request, request_id: str, view: View, woken: asyncio.Event, can_be_repeated: bool
    ) -> None:
        self.client_gone = False
        self._request = request
        self._request_id = request_id
        self._view = view
        self._woken = woken
        self._service = service_of(request)
        self._can_be_repeated = can_be_repeated

    @property
    def over(self) -> bool:
        """Whether the client has gone, or the process is about to stop."""
        return self.client_gone or (self._can_be_repeated and self._service.changes.stopping)

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
        record, position = await self._service.reader.request(self._request_id, self._view)
        if record is None:
            raise unknown_request(self._request_id)
        return Seen(record, position)

    async def await_end(self, at_most_s: float) -> Seen:
        """The request once it is terminal, or as it is when the wait is over.

        Raises 404, and `redis.RedisError` where Redis is away when the wait is over.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + at_most_s
        while True:
            changed = await self.change(until - loop.time())
            last = not changed or self.over or loop.time() >= until
            try:
                seen = await self.read()
            except RedisError:
                if last:
                    raise
                self.retry_soon()
            else:
                if last or seen.record.status in TERMINAL:
                    return seen

    def wake(self) -> None:
        """Count something else as a change."""
        self._woken.set()

    def retry_soon(self) -> None:
        """Count it as a change that Redis could not be read."""
        asyncio.get_running_loop().call_later(RETRY_S, self.wake)

    async def notice_leaving(self) -> None:
        """Wake the call when the client has closed its connection."""
        while (await self._request.receive())["type"] != "http.disconnect":
            pass  # a body, which has no meaning here
        self.client_gone = True
        self.wake()


@contextlib.contextmanager
def waiting(request: Request, request_id: str, view: View, can_be_repeated: bool = True) -> Iterator[Waiting]:
    """A call that waits for this request. Read it after this and again after each change.

    A call that cannot be repeated waits on when the process is about to stop, which then waits for it.
    """
    with service_of(request).changes.watch(request_id) as woken:
        waiting = Waiting(request, request_id, view, woken, can_be_repeated)
        leaving = asyncio.create_task(waiting.notice_leaving())
        try:
            yield waiting
        finally:
            leaving.cancel()
