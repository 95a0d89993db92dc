"""Fetches the inputs of all orders at once and yields each job as soon as its inputs have arrived.

A slow origin therefore delays only its own jobs, unless all orders depend on slow origins.
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
"""Of a thread: the default reserves 8 MiB of the limited address space, and a fetch needs little of it."""

Read = Callable[[Order, str, Reserve], File]
"""Reads the input that a parameter of an order names; calls `Reserve` before it allocates bytes."""


class Dropped(Exception):
    """The parent has dropped the order."""


@dataclass(eq=False)
class OverBudget(Exception):
    """An input of at least `size` bytes exceeds the free bytes of the intake."""

    size: int


@dataclass(eq=False)
class Job:
    """An order and the futures of its inputs; inputs with the same reference share one.

    `held_bytes`: of the inputs that have arrived. `waiting`: how many inputs wait for free bytes. `fetch_s`:
    seconds until all inputs had arrived or one had failed.
    """

    order: Order
    arrived_at: float = field(default_factory=time.monotonic)
    inputs: Mapping[str, "Future[File]"] = field(default_factory=dict)
    held_bytes: int = 0
    waiting: int = 0
    fetch_s: float | None = None
    is_dropped: bool = False

    def files(self) -> dict[str, File]:
        """The inputs by parameter. Raises the error of one that failed."""
        for each in self.inputs.values():
            if each.done():
                each.result()
        return {name: each.result() for name, each in self.inputs.items()}


@dataclass
class Reservation:
    """The bytes that are reserved for one input, and those it uses."""

    reserved: int
    used: int = 0


class Intake:
    """Jobs in the order in which their inputs arrived. Thread-safe.

    At most `threads` inputs are fetched at once, and all together hold about `max_bytes`. Above that, inputs
    of all jobs but the oldest wait for free bytes; they do so before their fetch, which has a time limit.
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
        """How many jobs wait only for this process: to be processed, or for free bytes."""
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
            each.add_done_callback(lambda _: self._queue_if_ready(job))

    def drop(self, token: str) -> bool:
        """Forget a job; False if it is unknown or already being processed."""
        with self._changed:
            job = self._jobs.get(token)
            if job is None or (job.fetch_s is not None and job not in self._ready):
                return False
            if job.fetch_s is not None:
                self._ready.remove(job)
            self._forget(job)
        return True

    def next_job(self, *, wait: bool = True) -> Job | None:
        """The next ready job; None once closed, or if none is ready and `wait` is false."""
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._ready or self._is_closed)
            return self._ready.popleft() if self._ready and not self._is_closed else None

    def release(self, job: Job) -> None:
        with self._changed:
            self._forget(job)

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _forget(self, job: Job) -> None:
        job.is_dropped = True
        del self._jobs[job.order.token]
        for each in job.inputs.values():
            each.cancel()
        job.inputs = {}  # breaks a reference cycle: each future refers to the job
        self._held_bytes -= job.held_bytes
        self._changed.notify_all()

    def _get(self, job: Job, name: str) -> File:
        order, size = job.order, 1  # the size is unknown, but a fetch must not start without any free bytes
        with order.log_context():
            while True:
                reservation = self._await_reservation(job, size)
                try:
                    return self._read(order, name, partial(self._reserve, job, reservation))
                except OverBudget as error:
                    # Twice as much, so that an input of unknown size is fetched again only a few times.
                    size, reservation.used = min(2 * error.size, self._max_bytes), 0
                finally:
                    self._settle(job, reservation)

    def _await_reservation(self, job: Job, size: int) -> Reservation:
        """Raises `Dropped`."""
        with self._changed:
            job.waiting += 1
            self._changed.wait_for(lambda: job.is_dropped or self._fits(job, size))
            job.waiting -= 1
            if job.is_dropped:
                raise Dropped
            self._held_bytes += size
        return Reservation(size)

    def _reserve(self, job: Job, reservation: Reservation, size: int) -> None:
        """Add `size` bytes to the used ones. Raises `Dropped`, `OverBudget`."""
        with self._changed:
            if job.is_dropped:
                raise Dropped
            more = max(0, reservation.used + size - reservation.reserved)
            if more and not self._fits(job, more):
                raise OverBudget(reservation.used + size)
            reservation.used += size
            reservation.reserved += more
            self._held_bytes += more

    def _settle(self, job: Job, reservation: Reservation) -> None:
        """A fetch has finished: the job holds the used bytes until it is forgotten, the rest is free."""
        with self._changed:
            used = 0 if job.is_dropped else reservation.used
            job.held_bytes += used
            self._held_bytes += used - reservation.reserved
            self._changed.notify_all()

    def _fits(self, job: Job, size: int) -> bool:
        """Always true for the oldest job, so that an input above `max_bytes` is fetched, too."""
        return self._held_bytes + size <= self._max_bytes or job is next(iter(self._jobs.values()), None)

    def _queue_if_ready(self, job: Job) -> None:
        done = [each for each in job.inputs.values() if each.done()]
        with self._changed:
            is_ready = len(done) == len(job.inputs) or any(each.exception() for each in done)
            if is_ready and job.fetch_s is None and not job.is_dropped:
                job.fetch_s = round(time.monotonic() - job.arrived_at, 4)
                self._ready.append(job)
                self._changed.notify_all()
