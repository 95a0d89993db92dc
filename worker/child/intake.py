"""Orders in hand: the inputs of all are fetched at once, and what has come first is worked on first.

So a slow origin idles no core, and nothing waits behind it, but where all orders in hand are for such ones.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from compositor import File
from jobs.pictures import inputs
from worker.child.messages import Order
from worker.fetch import Reserve

STACK_BYTES = 512 * 1024
"""Of a thread: a fetch needs little of the 8 MiB it would reserve of the address space, which is bounded."""


Read = Callable[[Order, str, Reserve], File]
"""Gets the input of an order that a parameter names; tells sizes before so many bytes more are held."""


class Dropped(Exception):
    """The parent has taken the order back."""


@dataclass(eq=False)
class NoRoom(Exception):
    """An input of at least `size` bytes does not fit now."""

    size: int


@dataclass(eq=False)
class Job:
    """An order in hand; the inputs that have come, and how many inputs wait for room.

    Inputs of one reference are fetched once and share a future.

    `fetch_s`: how long it took until all inputs were there, or one could not be had.
    """

    order: Order
    arrived_at: float = field(default_factory=time.monotonic)
    inputs: Mapping[str, "Future[File]"] = field(default_factory=dict)
    held_bytes: int = 0
    waiting: int = 0
    fetch_s: float | None = None
    is_dropped: bool = False

    def files(self) -> dict[str, File]:
        """Raises what kept an input from being had."""
        for each in self.inputs.values():
            if each.done():
                each.result()
        return {name: each.result() for name, each in self.inputs.items()}


@dataclass
class Room:
    """What one input may hold, and holds, in bytes."""

    reserved: int
    used: int = 0


class Intake:
    """Jobs by the order in which their inputs came. Methods may be called by any thread.

    All inputs are fetched at once, as far as there are `threads`, and have about `max_bytes` at most: beyond,
    all but those of the oldest job wait for room, outside of a fetch, whose time is limited.
    """

    def __init__(self, read: Read, max_bytes: int, threads: int) -> None:
        self._read = read
        self._max_bytes = max_bytes
        self._held_bytes = 0
        self._jobs: dict[str, Job] = {}
        self._ready: deque[Job] = deque()
        self._is_closed = False
        self._changed = threading.Condition()
        self._threads = ThreadPoolExecutor(threads, "fetch")

    @property
    def ready(self) -> int:
        """How many jobs wait for this process alone: to be worked on, or for room."""
        with self._changed:
            return len(self._ready) + sum(job.waiting > 0 for job in self._jobs.values())

    def add(self, order: Order) -> None:
        job = Job(order)
        pictures = inputs.pictures(order.params)
        first = {reference: name for name, reference in reversed(pictures.items())}
        with self._changed:
            self._jobs[order.token] = job
            fetches = {each: self._threads.submit(self._get, job, name) for each, name in first.items()}
            job.inputs = {name: fetches[reference] for name, reference in pictures.items()}
        for each in fetches.values():
            each.add_done_callback(lambda _: self._look(job))

    def drop(self, token: str) -> bool:
        """Forget a job; False if it is not in hand, or is being worked on."""
        with self._changed:
            job = self._jobs.get(token)
            if job is None or (job.fetch_s is not None and job not in self._ready):
                return False
            if job.fetch_s is not None:
                self._ready.remove(job)
            self._end(job)
        return True

    def take(self, *, wait: bool = True) -> Job | None:
        """The next one; None once closed, or without `wait` where none is ready."""
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._ready or self._is_closed)
            return self._ready.popleft() if self._ready and not self._is_closed else None

    def done(self, job: Job) -> None:
        """Its inputs are not needed any more."""
        with self._changed:
            self._end(job)

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _end(self, job: Job) -> None:
        job.is_dropped = True
        del self._jobs[job.order.token]
        for each in job.inputs.values():
            each.cancel()
        job.inputs = {}  # a future refers to the job
        self._held_bytes -= job.held_bytes
        self._changed.notify_all()

    def _get(self, job: Job, name: str) -> File:
        order, size = job.order, 1  # so that nothing is asked for where there is no room at all
        with order.named_in_logs():
            while True:
                room = self._await_room(job, size)
                try:
                    return self._read(order, name, partial(self._reserve, job, room))
                except NoRoom as full:
                    size, room.used = min(2 * full.size, self._max_bytes), 0  # so that it is asked for seldom
                finally:
                    self._settle(job, room)

    def _await_room(self, job: Job, size: int) -> Room:
        """Reserve it for an input. Raises `Dropped`."""
        with self._changed:
            job.waiting += 1
            self._changed.wait_for(lambda: job.is_dropped or self._has_room(job, size))
            job.waiting -= 1
            if job.is_dropped:
                raise Dropped
            self._held_bytes += size
        return Room(size)

    def _reserve(self, job: Job, room: Room, size: int) -> None:
        """Raises `Dropped`, `NoRoom`."""
        with self._changed:
            if job.is_dropped:
                raise Dropped
            more = max(0, room.used + size - room.reserved)
            if more and not self._has_room(job, more):
                raise NoRoom(room.used + size)
            room.used += size
            room.reserved += more
            self._held_bytes += more

    def _settle(self, job: Job, room: Room) -> None:
        """A fetch has ended: what it has used is the job's, until that ends, the rest is free."""
        with self._changed:
            kept = 0 if job.is_dropped else room.used
            job.held_bytes += kept
            self._held_bytes += kept - room.reserved
            self._changed.notify_all()

    def _has_room(self, job: Job, size: int) -> bool:
        return self._held_bytes + size <= self._max_bytes or job is next(iter(self._jobs.values()), None)

    def _look(self, job: Job) -> None:
        """An input has come or cannot be had."""
        done = [each for each in job.inputs.values() if each.done()]
        with self._changed:
            is_ready = len(done) == len(job.inputs) or any(each.exception() for each in done)
            if is_ready and job.fetch_s is None and not job.is_dropped:
                job.fetch_s = round(time.monotonic() - job.arrived_at, 4)
                self._ready.append(job)
                self._changed.notify_all()
