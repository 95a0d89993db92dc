"""Inputs of the next requests, fetched while one is being worked on: slow servers do not idle a core."""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from jobs.lifecycle.deadlines import AHEAD_S
from jobs.pictures import inputs
from telemetry.log_context import bound_contextvars
from worker.child.messages import ToFetch
from worker.fetch import Received

STACK_BYTES = 512 * 1024
"""Of a thread: a fetch needs little of the 8 MiB it would reserve of the address space, which is bounded."""


class NoRoom(Exception):
    """More bytes would be held than may, or nobody wants these any more."""


class Fetch(Protocol):
    """Gets the picture at a URL for an API key, and says how many bytes have come as they come."""

    def __call__(self, url: str, *, field: str, owner: str, received: Received) -> bytes: ...


class Room:
    """Bytes that may be held at a time."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Raises `NoRoom`."""
        with self._lock:
            if size > self._left:
                raise NoRoom
            self._left -= size

    def give_back(self, size: int) -> None:
        """Somebody else may have it."""
        with self._lock:
            self._left += size


class Share:
    """What one request holds of the room, until its turn comes or nobody wants it."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._held = 0
        self._ended = self._unwanted = False

    def received(self, size: int) -> None:
        """So many bytes more. Raises `NoRoom`, and from then on again."""
        with self._lock:
            if not self._ended:
                try:
                    self._room.take(size)
                    self._held += size
                except NoRoom:
                    self._end(unwanted=True)
            if self._unwanted:
                raise NoRoom

    def end(self, *, unwanted: bool = False) -> None:
        """Count no more; where it is unwanted, take no more either."""
        with self._lock:
            self._end(unwanted=unwanted)

    def _end(self, *, unwanted: bool) -> None:
        self._ended, self._unwanted = True, self._unwanted or unwanted
        self._room.give_back(self._held)
        self._held = 0


@dataclass(frozen=True)
class _Early:
    share: Share
    pictures: Mapping[str, "Future[bytes]"]
    until: float


class Ahead:
    """Fetches for requests that wait; one for a process. What is not taken within `AHEAD_S` is dropped."""

    def __init__(self, fetch: Fetch, requests: int, max_bytes: int) -> None:
        self._fetch = fetch
        self._room = Room(max_bytes)
        self._early: dict[str, _Early] = {}
        self._threads = ThreadPoolExecutor(max(1, requests * len(inputs.PICTURES)), "ahead")

    def begin(self, waiting: Sequence[ToFetch]) -> None:
        """Fetch for these too."""
        self._drop_old()
        for request in waiting:
            share = Share(self._room)
            self._early[request.request_id] = _Early(
                share,
                {field: self._threads.submit(self._get, request, field, share) for field in request.urls},
                time.monotonic() + AHEAD_S,
            )

    def take(self, request_id: str) -> Mapping[str, "Future[bytes]"]:
        """By parameter what has come for this request, or is on its way; it may raise `NoRoom`."""
        early = self._early.pop(request_id, None)
        if early is None:
            return {}
        early.share.end()
        return {field: picture for field, picture in early.pictures.items() if not picture.cancel()}

    def _get(self, request: ToFetch, field: str, share: Share) -> bytes:
        with bound_contextvars(request_id=request.request_id, key_id=request.key_id):
            url = request.urls[field]
            return self._fetch(url, field=field, owner=request.key_id, received=share.received)

    def _drop_old(self) -> None:
        now = time.monotonic()
        for request_id, early in list(self._early.items()):
            if now >= early.until:
                early.share.end(unwanted=True)
                for picture in early.pictures.values():
                    picture.cancel()
                del self._early[request_id]
