"""A call that waits: until something changes, its client goes, or this process is about to stop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, Protocol, TypeVar

from fastapi import Request
from redis import RedisError

from api.dependencies import Seen
from api.errors import unknown_request
from api.service import service_of
from jobs.lifecycle.record import View

RETRY_S = 1.0  # between two attempts to read while Redis is away


class Ending(Protocol):
    @property
    def has_ended(self) -> bool: ...


T = TypeVar("T", bound=Ending)


class Waiting(Generic[T]):
    """One such call, between what it reads.

    `read`: what it waits for, as it is now. Raises 404 once that has expired, and `redis.RedisError`.
    """

    def __init__(
        self, request: Request, read: Callable[[], Awaitable[T]], woken: asyncio.Event, can_be_repeated: bool
    ) -> None:
        self.client_gone = False
        self.read = read
        self._request = request
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

    async def await_end(self, at_most_s: float) -> T:
        """What it waits for once it has ended, or as it is when the wait is over.

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
                if last or seen.has_ended:
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
def waiting_for(
    request: Request, name: str, read: Callable[[], Awaitable[T]], can_be_repeated: bool = True
) -> Iterator[Waiting[T]]:
    """A call that waits for what changes under this id. Read it after this and again after each change.

    A call that cannot be repeated waits on when the process is about to stop, which then waits for it.
    """
    with service_of(request).changes.watch(name) as woken:
        waiting = Waiting(request, read, woken, can_be_repeated)
        leaving = asyncio.create_task(waiting.notice_leaving())
        try:
            yield waiting
        finally:
            leaving.cancel()


@contextlib.contextmanager
def waiting(
    request: Request, request_id: str, view: View, can_be_repeated: bool = True
) -> Iterator[Waiting[Seen]]:
    """The same for a request."""

    async def read() -> Seen:
        record, position = await service_of(request).reader.request(request_id, view)
        if record is None:
            raise unknown_request(request_id)
        return Seen(record, position)

    with waiting_for(request, request_id, read, can_be_repeated) as call:
        yield call
