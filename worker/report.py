"""Reports to Redis how an attempt ended."""

import logging
import random
import time
from collections.abc import Callable

from obstore.exceptions import BaseError as StoreError
from redis import RedisError

from jobs.lifecycle.moves import ENDED, Claim, Failure, IllegalMove
from jobs.lifecycle.output import Output
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import LOST, Transitions
from jobs.pictures.store import PictureStore
from worker.attempt import Interrupted
from worker.child.messages import Ending, Outcome
from worker.pauses import pause

FIRST_BACKOFF_S = 1
BACKOFF_FACTOR = 4
LONGEST_BACKOFF_S = 30
LONGEST_PAUSE_S = 2  # between two tries to reach Redis

log = logging.getLogger("superimpose.worker")


class Report:
    """Reports one attempt; repeats it while Redis is away, until `must_stop`."""

    def __init__(
        self,
        claim: Claim,
        transitions: Transitions,
        store: PictureStore,
        must_stop: Callable[[], bool],
    ) -> None:
        self._request_id = claim.request_id
        self._attempt = claim.attempt
        self._accepted_at = time.monotonic() - claim.age_s
        self._transitions = transitions
        self._store = store
        self._must_stop = must_stop

    def outcome(self, outcome: Outcome) -> None:
        match outcome.ending:
            case Ending.DONE if outcome.output:
                self._completed(outcome, outcome.output)
            case Ending.FAILED:
                self._failed(outcome)
            case Ending.RETRY:
                self._retried(_failure(outcome), max(backoff_s(self._attempt), outcome.retry_after_s))

    def interrupted(self, why: Interrupted) -> None:
        transitions, request_id, attempt = self._transitions, self._request_id, self._attempt
        match why:
            case Interrupted.TIME_UP:
                self._tell(lambda: transitions.time_out(request_id, attempt))
            case Interrupted.DRAINED:
                self._tell(lambda: transitions.give_back(request_id, attempt), "given back: the worker stops")
            case Interrupted.NOT_OURS:
                log.info("request %s: attempt %d was stopped", request_id, attempt)

    def lost(self) -> None:
        self._retried(Failure(FailureCode.WORKER_LOST, LOST), delay_s=0)

    def _completed(self, outcome: Outcome, output: Output) -> None:
        refused = self._tell(
            lambda: self._transitions.complete(self._request_id, self._attempt, output, outcome.stages),
            f"COMPLETED in {1000 * _seconds(outcome):.0f} ms",
            Status.COMPLETED,
        )
        if refused:
            self._delete_unless_published(output)

    def _failed(self, outcome: Outcome) -> None:
        self._tell(
            lambda: self._transitions.fail(self._request_id, self._attempt, _failure(outcome), outcome.stages)
        )

    def _retried(self, failure: Failure, delay_s: float) -> None:
        self._tell(
            lambda: self._transitions.retry(self._request_id, self._attempt, failure, delay_s),
            f"will be tried again in {delay_s:.1f} s: {failure.code}",
        )

    def _delete_unless_published(self, output: Output) -> None:
        """A refusal may follow a report that Redis took although its reply was lost."""
        try:
            record = self._transitions.read(self._request_id)
            if record is None or record.output != output:
                self._store.delete([output.path])
        except (RedisError, StoreError) as error:
            log.warning("request %s: a picture is left to be swept: %s", self._request_id, error)

    def _tell(self, move: Callable[[], None], done: str = "", status: Status | None = None) -> bool:
        """Whether the move was refused or could not be reported.

        Otherwise `done` is logged with the `status` that it led to; FAILED is logged by the move itself.
        """
        pause_s = 0.1
        while True:
            try:
                move()
                if done:
                    total_ms = round(1000 * (time.monotonic() - self._accepted_at))
                    extra = {"status": status, "total_ms": total_ms} if status else None
                    log.info("request %s %s", self._request_id, done, extra=extra)
                return False
            except IllegalMove as refused:
                if refused.reason not in ENDED:
                    why = f"attempt superseded ({refused.reason})"
                    log.info("request %s: result discarded: %s", self._request_id, why)
                return True
            except RedisError as error:
                log.warning("request %s: cannot report, trying again: %s", self._request_id, error)
            if self._must_stop():
                log.error("request %s: not reported, its lease will run out", self._request_id)
                return True
            pause(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def backoff_s(attempt: int) -> float:
    """Seconds to wait after an attempt, from 1 on, that failed for a passing reason; spread by half."""
    mean_s: float = min(FIRST_BACKOFF_S * BACKOFF_FACTOR ** (attempt - 1), LONGEST_BACKOFF_S)
    return mean_s * random.uniform(0.5, 1.5)  # noqa: S311


def _failure(outcome: Outcome) -> Failure:
    return Failure(FailureCode(outcome.code), outcome.error)


def _seconds(outcome: Outcome) -> float:
    return sum(seconds for stage, seconds in outcome.stages.items() if stage != "cache_hits")
