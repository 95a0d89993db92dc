"""Claimed requests: the child works on one while it fetches inputs for the others."""

import time
from collections.abc import Iterator

from worker.attempt import Attempt

READY_MOST = 8
"""Requests whose inputs are there and that wait for the child: with fewer it idles when one is late."""

PATIENCE_S = 1.0
"""A request waits in hand about this long at most before its work begins; then another worker may have it."""

PLENTY = 2
MOST_DOUBLED = 6  # how many times that doubles at most, for one that was given back before

STARVING_S = 0.05  # without work while inputs are on their way, until more are claimed
FIRST_LIMIT = 2
GROWTH = 2
STARVING_GROWTH = 4


class Hand:
    """Attempts by their tokens, the oldest first, at most `most`.

    The limit below that follows the child: as many as it takes for the next one's inputs to be there in time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = min(FIRST_LIMIT, most)
        self._attempts: dict[str, Attempt] = {}
        self._work_s = 0.0  # moving average
        self._ready = 0
        self._idle_since = self.ended_at = time.monotonic()

    def __iter__(self) -> Iterator[Attempt]:
        return iter(list(self._attempts.values()))

    def __len__(self) -> int:
        return len(self._attempts)

    @property
    def room(self) -> int:
        return max(0, self._limit - len(self))

    @property
    def begun(self) -> Attempt | None:
        return next((each for each in self._attempts.values() if each.begun_at is not None), None)

    @property
    def has_plenty(self) -> bool:
        """Whether the child has work after what it works on, and more after that, and fetches nothing.

        Or that what it fetches has no room. `ready`, told before, counts the one that is worked on.
        """
        return self.begun is not None and self._ready >= len(self) > PLENTY

    def get(self, token: str) -> Attempt | None:
        return self._attempts.get(token)

    def add(self, attempt: Attempt) -> None:
        if not self._attempts:
            self._idle_since = time.monotonic()
        self._attempts[attempt.token] = attempt

    def remove(self, attempt: Attempt) -> None:
        del self._attempts[attempt.token]
        self._idle_since = time.monotonic()

    def end(self, attempt: Attempt, ready: int) -> float:
        """Remove one that has ended; for how many seconds it kept others back.

        `ready`: how many others can be worked on.
        """
        now = time.monotonic()
        if attempt.begun_at is not None:
            self._work_s += (now - attempt.begun_at - self._work_s) / 8
        self._ready = ready
        if ready > self._ready_most:
            self._limit = max(1, self._limit - 1)
        elif not ready and len(self) >= self._limit:
            self._limit = min(self._most, self._limit + GROWTH)
        self.remove(attempt)
        occupied_s = now - max(attempt.claimed_at, self.ended_at)
        self.ended_at = now
        return occupied_s

    def feed(self, now: float) -> None:
        """Make room for more where the child only waits for inputs."""
        if self._attempts and not self.begun and now - self._idle_since > STARVING_S and not self.room:
            self._limit = min(self._most, self._limit + STARVING_GROWTH)
            self._idle_since = now

    def overdue(self, now: float, *, has_child: bool = True) -> list[Attempt]:
        """Those that wait for long: the latest ones; all, behind one that takes long, or without a child.

        One that was given back before may wait longer, so that an input that is slow to come comes at last.
        """
        waiting = [
            each
            for each in self
            if each.begun_at is None
            and now - each.claimed_at > PATIENCE_S * 2 ** min(each.claim.given_back, MOST_DOUBLED)
        ]
        begun_at = self.begun.begun_at if self.begun else None
        if begun_at is None:
            return [] if has_child else waiting
        if now - begun_at > PATIENCE_S:
            self._limit = 1
            return waiting
        surplus = waiting[max(0, len(waiting) - max(0, self._ready - self._ready_most)) :]
        self._ready -= len(surplus)
        if surplus:
            self._limit = max(1, len(self) - len(surplus))
        return surplus

    @property
    def _ready_most(self) -> int:
        """As many as are begun in time."""
        return min(READY_MOST, int(PATIENCE_S / max(self._work_s, 0.001)))
