"""Calls that wait until a record changes, the client disconnects, or the process shuts down."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, Protocol, TypeVar

from fastapi import Request
from redis import RedisError

from api.admission import RequestState
from api.errors import unknown_request
from api.service import service_of
from jobs.lifecycle.record import View

RETRY_S = 1.0  # between two reads while Redis is unavailable


class HasEnd(Protocol):
    @property
    def has_ended(self) -> bool: ...


T = TypeVar("T", bound=HasEnd)


class WaitingCall(Generic[T]):
    """`read` returns the current state. It raises 404 once the record has expired, and `redis.RedisError`."""

    def __init__(
        self, request: Request, read: Callable[[], Awaitable[T]], woken: asyncio.Event, ends_on_shutdown: bool
    ) -> None:
        self.has_disconnected = False
        self.read = read
        self._request = request
        self._woken = woken
        self._service = service_of(request)
        self._ends_on_shutdown = ends_on_shutdown

    @property
    def must_end(self) -> bool:
        return self.has_disconnected or (self._ends_on_shutdown and self._service.changes.stopping)

    async def wait_for_change(self, timeout_s: float) -> bool:
        """Wait for a change; False after `timeout_s` without one. A call that must end does not wait."""
        if not self.must_end:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._woken.wait()
        changed = self._woken.is_set() or self.must_end
        self._woken.clear()
        return changed

    async def await_end(self, timeout_s: float) -> T:
        """The state once it is final, or the last one when the wait is over.

        Raises 404, and `redis.RedisError` if the last read fails.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while True:
            changed = await self.wait_for_change(until - loop.time())
            is_last = not changed or self.must_end or loop.time() >= until
            try:
                state = await self.read()
            except RedisError:
                if is_last:
                    raise
                self.retry_soon()
            else:
                if is_last or state.has_ended:
                    return state

    def wake(self) -> None:
        self._woken.set()

    def retry_soon(self) -> None:
        asyncio.get_running_loop().call_later(RETRY_S, self.wake)

    async def watch_disconnect(self) -> None:
        """Wake the call when the client closes its connection."""
        while (await self._request.receive())["type"] != "http.disconnect":
            pass  # a body, which is ignored
        self.has_disconnected = True
        self.wake()


@contextlib.contextmanager
def wait_on(
    request: Request, record_id: str, read: Callable[[], Awaitable[T]], ends_on_shutdown: bool = True
) -> Iterator[WaitingCall[T]]:
    """Wait for changes of a record. Read the record after entering the context, and after each change.

    `ends_on_shutdown=False`: a shutdown waits for this call, because the client cannot repeat it.
    """
    with service_of(request).changes.watch(record_id) as woken:
        call = WaitingCall(request, read, woken, ends_on_shutdown)
        watcher = asyncio.create_task(call.watch_disconnect())
        try:
            yield call
        finally:
            watcher.cancel()


@contextlib.contextmanager
def wait_on_request(
    request: Request, request_id: str, view: View, ends_on_shutdown: bool = True
) -> Iterator[WaitingCall[RequestState]]:

    async def read() -> RequestState:
        record, position = await service_of(request).reader.request(request_id, view)
        if record is None:
            raise unknown_request(request_id)
        return RequestState(record, position)

    with wait_on(request, request_id, read, ends_on_shutdown) as call:
        yield call
