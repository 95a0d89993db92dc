"""The prefetch window: the attempts that the child processes or fetches inputs for."""

import time
from collections.abc import Iterator

from worker.attempt import Attempt

MAX_READY = 8
"""Limit of requests that wait for the child with all inputs fetched. With fewer, one late input idles it."""

MAX_WAIT_S = 1.0
"""A request waits in the window about this long for processing to start; then another worker may claim it."""

BACKLOG = 2
MAX_DOUBLINGS = 6  # of MAX_WAIT_S, one each time the request was given back before

STARVING_S = 0.05  # how long the child waits for inputs before more requests are claimed
INITIAL_LIMIT = 2
GROWTH = 2
STARVING_GROWTH = 4


class PrefetchWindow:
    """Attempts by token, the oldest first.

    The limit follows the child's pace, up to `max_limit`: enough attempts that the inputs of the next one
    have arrived when the current one finishes.
    """

    def __init__(self, max_limit: int) -> None:
        self._max_limit = max_limit
        self._limit = min(INITIAL_LIMIT, max_limit)
        self._attempts: dict[str, Attempt] = {}
        self._processing_s = 0.0  # moving average
        self._ready = 0
        self._idle_since = self.last_finished_at = time.monotonic()

    def __iter__(self) -> Iterator[Attempt]:
        return iter(list(self._attempts.values()))

    def __len__(self) -> int:
        return len(self._attempts)

    @property
    def free_slots(self) -> int:
        return max(0, self._limit - len(self))

    @property
    def started(self) -> Attempt | None:
        return next((each for each in self._attempts.values() if each.started_at is not None), None)

    @property
    def has_backlog(self) -> bool:
        """Whether at least two more attempts are ready behind the started one, and none waits for its origin.

        `_ready` was reported before the started attempt started, so it includes it.
        """
        return self.started is not None and self._ready >= len(self) > BACKLOG

    def get(self, token: str) -> Attempt | None:
        return self._attempts.get(token)

    def add(self, attempt: Attempt) -> None:
        if not self._attempts:
            self._idle_since = time.monotonic()
        self._attempts[attempt.token] = attempt

    def remove(self, attempt: Attempt) -> None:
        del self._attempts[attempt.token]
        self._idle_since = time.monotonic()

    def finish(self, attempt: Attempt, ready: int) -> float:
        """Remove a finished attempt; returns the seconds for which it occupied the worker.

        `ready`: how many other attempts can be processed now.
        """
        now = time.monotonic()
        if attempt.started_at is not None:
            self._processing_s += (now - attempt.started_at - self._processing_s) / 8
        self._ready = ready
        if ready > self._ready_limit:
            self._limit = max(1, self._limit - 1)
        elif not ready and len(self) >= self._limit:
            self._limit = min(self._max_limit, self._limit + GROWTH)
        self.remove(attempt)
        occupied_s = now - max(attempt.claimed_at, self.last_finished_at)
        self.last_finished_at = now
        return occupied_s

    def grow_if_starving(self, now: float) -> None:
        """Raise the limit when the window is full and the child only waits for inputs."""
        is_starving = self._attempts and not self.started and now - self._idle_since > STARVING_S
        if is_starving and not self.free_slots:
            self._limit = min(self._max_limit, self._limit + STARVING_GROWTH)
            self._idle_since = now

    def overdue(self, now: float, *, has_child: bool = True) -> list[Attempt]:
        """Attempts to give back because they have waited longer than MAX_WAIT_S.

        These are the newest that cannot start in time; all of them when the started attempt takes long or
        there is no child. The wait doubles each time a request is given back, so that a slow input arrives
        in the end.
        """
        waiting = [
            each
            for each in self
            if each.started_at is None
            and now - each.claimed_at > MAX_WAIT_S * 2 ** min(each.claim.given_back, MAX_DOUBLINGS)
        ]
        started_at = self.started.started_at if self.started else None
        if started_at is None:
            return [] if has_child else waiting
        if now - started_at > MAX_WAIT_S:
            self._limit = 1
            return waiting
        surplus = waiting[max(0, len(waiting) - max(0, self._ready - self._ready_limit)) :]
        self._ready -= len(surplus)
        if surplus:
            self._limit = max(1, len(self) - len(surplus))
        return surplus

    @property
    def _ready_limit(self) -> int:
        """How many attempts the child can start within MAX_WAIT_S."""
        return min(MAX_READY, int(MAX_WAIT_S / max(self._processing_s, 0.001)))
