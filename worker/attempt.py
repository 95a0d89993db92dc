"""One attempt at a request, from claim to report, and the limits that interrupt it."""

import time
from dataclasses import replace
from enum import StrEnum

from jobs.lifecycle.moves import Claim
from jobs.pictures.store import PictureStore, new_token
from worker.child.child import Child
from worker.child.messages import Order

STOP_GRACE_S = 0.5  # for a cancelled job to finish: most need less time than a new child needs to start


class Interrupted(StrEnum):
    TIME_UP = "time up"
    """The request's deadline has passed."""
    NOT_OURS = "not ours"
    """The request was cancelled, or another attempt has started."""
    GIVEN_BACK = "given back"
    """Another worker may start it sooner, or this worker is stopping."""


class Attempt:
    """`child` has its order. `claimed_at`, `started_at` (processing) and `dropped_at` are monotonic times."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.claimed_at = time.monotonic()
        self.claimed_at_epoch_s = time.time()
        self.started_at: float | None = None
        self.dropped_at = 0.0
        self.child: Child | None = None
        self._deadline = self.claimed_at + claim.left_s
        self._stop_at: float | None = None
        self._order = Order(
            request_id=claim.request_id,
            attempt=claim.attempt,
            key_id=claim.key_id,
            params=claim.params,
            left_s=claim.left_s,
            path=PictureStore.new_path("outputs", new_token(), claim.keep_until),
            trace_id=claim.trace_id,
            custom_id=claim.custom_id,
            accepted_at=self.claimed_at_epoch_s - claim.age_s,
        )
        self.token = self._order.token
        self.log_context = self._order.log_context

    @property
    def request_id(self) -> str:
        return self.claim.request_id

    @property
    def number(self) -> int:
        return self.claim.attempt

    def send_to(self, child: Child) -> None:
        """Order it from `child`, with the time left until its deadline. Raises `ChildDied`."""
        child.start(replace(self._order, left_s=max(0.0, self._deadline - time.monotonic())))
        self.child, self.started_at = child, None

    def stop_soon(self) -> None:
        """Stop it within STOP_GRACE_S: its request was cancelled. Called by another thread."""
        self._stop_at = time.monotonic() + STOP_GRACE_S

    def interruption(self, now: float) -> Interrupted | None:
        """Why the attempt must stop at `now`, on the monotonic clock; None while it may go on."""
        if now >= self._deadline:
            return Interrupted.TIME_UP
        if self._stop_at is not None and (self.started_at is None or now >= self._stop_at):
            return Interrupted.NOT_OURS
        return None
