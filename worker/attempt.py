"""One attempt at one request: the child works, while its lease is renewed and its limits are watched."""

import logging
import time
from collections.abc import Callable
from enum import StrEnum

from redis import RedisError

from jobs.config.settings import Settings
from jobs.lifecycle.moves import Claim, IllegalMove, Waiting
from jobs.lifecycle.transitions import Transitions
from jobs.pictures import inputs
from jobs.pictures.store import PictureStore, new_token
from worker.child.child import Child
from worker.child.messages import Order, Outcome, ToFetch

STEP_S = 0.25  # how late a limit may be seen
STOP_GRACE_S = 0.5  # for a job to end by itself: most do sooner than a new child starts

log = logging.getLogger("superimpose.worker")


class Interrupted(StrEnum):
    """Why a child was stopped before its end."""

    TIME_UP = "time up"
    """The request's own time is over."""
    NOT_OURS = "not ours"
    """It was cancelled, or another attempt has begun."""
    DRAINED = "drained"
    """The worker has to stop now."""


class Attempt:
    """Runs an order in a child, which is killed when it must not go on."""

    def __init__(
        self,
        claim: Claim,
        transitions: Transitions,
        settings: Settings,
        heartbeat: Callable[[], None],
    ) -> None:
        self.request_id = claim.request_id
        self._claim = claim
        self._transitions = transitions
        self._heartbeat = heartbeat
        self._heartbeat_s = settings.heartbeat_s
        self._deadline = time.monotonic() + claim.left_s
        self._renew_at = time.monotonic() + self._heartbeat_s
        self._stop_at: float | None = None

    def stop_soon(self) -> None:
        """Its request was cancelled. Called by another thread."""
        self._stop_at = time.monotonic() + STOP_GRACE_S

    def run(self, child: Child, must_stop: Callable[[], bool]) -> Outcome | Interrupted:
        """The outcome, or why there is none; then the child has to be killed. Raises `ChildDied`."""
        claim = self._claim
        child.start(
            Order(
                claim.request_id,
                claim.attempt,
                claim.key_id,
                claim.params,
                claim.left_s,
                PictureStore.new_path("outputs", new_token(), claim.keep_until),
                claim.trace_id,
                [_to_fetch(waiting) for waiting in claim.ahead],
            )
        )
        while True:
            ended = child.outcome(STEP_S) or self._interruption(must_stop)
            if ended:
                return ended

    def _interruption(self, must_stop: Callable[[], bool]) -> Interrupted | None:
        now = time.monotonic()
        if now >= self._deadline:
            return Interrupted.TIME_UP
        if self._stop_at is not None and now >= self._stop_at:
            return Interrupted.NOT_OURS
        if now >= self._renew_at and not self._renewed():
            return Interrupted.NOT_OURS
        return Interrupted.DRAINED if must_stop() else None

    def _renewed(self) -> bool:
        """Whether the lease still holds, as far as is known: while Redis is away it may expire."""
        try:
            self._heartbeat()
            self._transitions.renew(self.request_id, self._claim.attempt)
        except IllegalMove as refused:
            log.warning("request %s: stopped, %s", self.request_id, refused.reason)
            return False
        except RedisError as error:
            log.warning("request %s: its lease was not renewed, working on: %s", self.request_id, error)
        self._renew_at = time.monotonic() + self._heartbeat_s
        return True


def _to_fetch(waiting: Waiting) -> ToFetch:
    """The inputs of a request that have a URL; others are read from the store in no time."""
    references = {name: waiting.params.get(name) or "" for name in inputs.PICTURES}
    urls = {name: text for name, text in references.items() if inputs.is_url(text)}
    return ToFetch(waiting.request_id, waiting.key_id, urls)
