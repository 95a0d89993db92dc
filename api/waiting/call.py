"""Calls that wait until a record changes, the client disconnects, or the process shuts down."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Annotated, Generic, TypeVar

from fastapi import Query, Request
from redis import RedisError

from api.admission import RequestState, read_owned_request
from api.errors import unknown_request
from api.http.validation import bad_request, fault
from api.openapi import described
from api.service import Service, service_of
from jobs.batches.record import BatchRecord
from jobs.lifecycle.record import View

RETRY_S = 1.0  # between two reads while Redis is unavailable
LONGEST_POLL_S = 60
NUMBER = re.compile(r"\d+(\.\d+)?([eE][-+]?\d+)?", re.ASCII)  # as in JSON, without a sign
SHOWN = 20  # characters of a refused value

T = TypeVar("T", RequestState, BatchRecord)


WAIT = described(
    Annotated[
        float,
        Query(
            alias="wait",
            ge=0,
            le=LONGEST_POLL_S,
            description="Seconds to wait for the request to be COMPLETED or FAILED; after that the response "
            "has the current status. 0: do not wait.",
        ),
    ],
    0,
)


class WaitingCall(Generic[T]):
    """`read` returns the current state. It raises 404 once the record has expired, and `redis.RedisError`."""

    def __init__(
        self, request: Request, read: Callable[[], Awaitable[T]], woken: asyncio.Event, ends_on_shutdown: bool
    ) -> None:
        self.has_disconnected = False
        self.read: Callable[[], Awaitable[T]] = read
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

    async def poll(self, state: T) -> T:
        """`state` if it is final, or that at the end of the wait that the client asks for. Raises 400."""
        wait_s = _read_wait(self._request)
        return state if state.has_ended or not wait_s else await self.await_end(wait_s)

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


def wait_on_request(
    request: Request, request_id: str, view: View, ends_on_shutdown: bool = True
) -> AbstractContextManager[WaitingCall[RequestState]]:
    async def read() -> RequestState:
        record, position = await service_of(request).reader.request(request_id, view)
        if record is None:
            raise unknown_request(request_id)
        return RequestState(record, position)

    return wait_on(request, request_id, read, ends_on_shutdown)


async def poll_request(request: Request, service: Service, request_id: str, view: View) -> RequestState:
    """The request once it has ended, or its state when the wait is over. Raises 400, 401, 404, 429."""
    with wait_on_request(request, request_id, view) as call:
        return await call.poll(await read_owned_request(request, service, request_id, view))


def _read_wait(request: Request) -> float:
    text = request.query_params.get("wait", "0")
    seconds = float(text) if NUMBER.fullmatch(text) else None
    if seconds is None or seconds > LONGEST_POLL_S:
        message = f"{text[:SHOWN]!a} is not a number of seconds from 0 to {LONGEST_POLL_S}"
        raise bad_request(fault("wait", message))
    return seconds
