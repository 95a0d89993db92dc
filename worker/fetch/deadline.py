"""The deadline of a whole fetch, however many operations it takes.

httpcore's timeouts are per operation, so a server that sends a byte every second never trips them. A fetch
runs in the thread that called `Fetcher.get`; its deadline is a context variable, where a network stream,
which outlives the call in the keep-alive pool, finds that of the call it serves now.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpcore

TICK_S = 1.0  # how late a fetch that nobody wants any more ends

_end: ContextVar[float] = ContextVar("fetch_deadline")
_check: ContextVar[Callable[[], None]] = ContextVar("fetch_check")


class DeadlinePassed(httpcore.TimeoutException):
    """The fetch as a whole took too long."""


@contextmanager
def deadline_in(seconds: float, check: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Let everything inside the block end within `seconds`, as far as it asks `time_left`.

    `check` raises where the fetch is to end at once.
    """
    tokens = _end.set(time.monotonic() + seconds), _check.set(check)
    try:
        yield
    finally:
        _end.reset(tokens[0])
        _check.reset(tokens[1])


def time_left(at_most: float | None = None) -> float:
    """Seconds until the deadline, more than 0, or `at_most` if that is less.

    Raises DeadlinePassed, and what the fetch's `check` raises.
    """
    _check.get()()
    left = _end.get() - time.monotonic()
    if left <= 0:
        raise DeadlinePassed("the deadline of the whole fetch")
    return left if at_most is None else min(left, at_most)
