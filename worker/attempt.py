"""One attempt at one request, from its claim to its end, and the limits that end it from outside."""

import time
from contextlib import AbstractContextManager
from enum import StrEnum

from jobs.lifecycle.moves import Claim
from jobs.pictures.store import PictureStore, new_token
from telemetry.log_context import about_request
from worker.child.child import Child
from worker.child.messages import Order

STOP_GRACE_S = 0.5  # for a cancelled job to end by itself: most do sooner than a new child starts


class Interrupted(StrEnum):
    TIME_UP = "time up"
    """The request's own time is over."""
    NOT_OURS = "not ours"
    """It was cancelled, or another attempt has begun."""
    GIVEN_BACK = "given back"
    """Another worker may begin it sooner, or this one has to stop now."""


class Attempt:
    """`child`: which has the order; since when it works on it, or was told to drop it (monotonic clock)."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.claimed_at = time.monotonic()
        self.started_at = time.time()
        self.begun_at: float | None = None
        self.dropped_at = 0.0
        self.child: Child | None = None
        self._deadline = self.claimed_at + claim.left_s
        self._path = PictureStore.new_path("outputs", new_token(), claim.keep_until)
        self._stop_at: float | None = None

    @property
    def request_id(self) -> str:
        return self.claim.request_id

    @property
    def number(self) -> int:
        return self.claim.attempt

    @property
    def token(self) -> str:
        return self._path.rpartition("/")[2]

    def named_in_logs(self) -> AbstractContextManager[None]:
        claim = self.claim
        return about_request(claim.request_id, claim.key_id, claim.attempt, claim.trace_id, claim.custom_id)

    def send_to(self, child: Child) -> None:
        """Order it, in the time that is left. Raises `ChildDied`."""
        claim, left_s = self.claim, max(0.0, self._deadline - time.monotonic())
        request_id, attempt, key_id, params, *_ = claim
        trace_id, custom_id, made_at = claim.trace_id, claim.custom_id, self.started_at - claim.age_s
        child.start(
            Order(request_id, attempt, key_id, params, left_s, self._path, trace_id, custom_id, made_at)
        )
        self.child, self.begun_at = child, None

    def stop_soon(self) -> None:
        """Its request was cancelled. Called by another thread."""
        self._stop_at = time.monotonic() + STOP_GRACE_S

    def interruption(self, now: float) -> Interrupted | None:
        if now >= self._deadline:
            return Interrupted.TIME_UP
        if self._stop_at is not None and (self.begun_at is None or now >= self._stop_at):
            return Interrupted.NOT_OURS
        return None
