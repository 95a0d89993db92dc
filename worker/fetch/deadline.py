"""The deadline of a whole fetch, however many operations it takes.

httpcore's timeouts are per operation, so a server that sends a byte every second never exceeds them. A fetch
runs in the thread that called `Fetcher.get`, and its network stream, which comes from the keep-alive pool,
finds the deadline in a context variable.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpcore

TICK_S = 1.0  # how late a dropped fetch may end

_limits: ContextVar[tuple[float, Callable[[], None]]] = ContextVar("fetch_limits")


class DeadlinePassed(httpcore.TimeoutException):
    """The fetch as a whole took too long."""


@contextmanager
def deadline_in(seconds: float, check: Callable[[], None]) -> Iterator[None]:
    """Have `time_left` raise in this block after `seconds`, or as soon as `check` raises."""
    token = _limits.set((time.monotonic() + seconds, check))
    try:
        yield
    finally:
        _limits.reset(token)


def time_left(at_most: float | None = None) -> float:
    """Seconds until the deadline, more than 0, or `at_most` if that is less.

    Raises DeadlinePassed, and the errors of the fetch's `check`.
    """
    end, check = _limits.get()
    check()
    left = end - time.monotonic()
    if left <= 0:
        raise DeadlinePassed("the deadline of the whole fetch")
    return left if at_most is None else min(left, at_most)
