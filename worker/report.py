"""Reports how an attempt ended to Redis."""

import logging
import random
import time

from obstore.exceptions import BaseError as StoreError
from redis import RedisError

from jobs.lifecycle.move_script import LOST
from jobs.lifecycle.moves import ENDED, Failure, IllegalMove
from jobs.lifecycle.output import Output
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import AttemptMoves, Transitions
from jobs.pictures.store import PictureStore, reason_of
from worker.attempt import Attempt, Interrupted
from worker.child.child import ChildDied
from worker.child.messages import Ending, Outcome

FIRST_BACKOFF_S = 1
BACKOFF_FACTOR = 4
MAX_BACKOFF_S = 30

log = logging.getLogger("superimpose.worker")

Ended = Outcome | Interrupted | ChildDied


class Report:
    """How an attempt ended; `occupied_s`: how long it occupied the worker."""

    def __init__(self, attempt: Attempt, ended: Ended, occupied_s: float = 0) -> None:
        self.attempt = attempt
        self.ended = ended
        self.occupied_s = occupied_s
        self.created_at = time.monotonic()
        self._delay_s = 0.0
        if isinstance(ended, Outcome) and ended.ending is Ending.RETRY:
            self._delay_s = max(backoff_s(attempt.number - attempt.claim.given_back), ended.retry_after_s)

    def send(self, moves: AttemptMoves) -> None:
        match self.ended:
            case Outcome(ending=Ending.RETRY) as outcome:
                moves.retry(*self._id, _failure(outcome), self._delay_s)
            case Outcome(output=Output() as output) as outcome:
                moves.complete(*self._id, output, outcome.stages, self.occupied_s)
            case Outcome() as outcome:
                moves.fail(*self._id, _failure(outcome), outcome.stages, self.occupied_s)
            case ChildDied():
                moves.retry(*self._id, Failure(FailureCode.WORKER_LOST, LOST))
            case Interrupted.TIME_UP:
                moves.time_out(*self._id)
            case Interrupted():
                moves.give_back(*self._id)

    def log_accepted(self) -> None:
        """Log the report once Redis has accepted it; the move itself logs FAILED."""
        request_id = self.attempt.request_id
        match self.ended:
            case Outcome(ending=Ending.DONE) as outcome:
                seconds = sum(each for stage, each in outcome.stages.items() if stage != "cache_hits")
                age_s = time.monotonic() - self.attempt.claimed_at + self.attempt.claim.age_s
                fields = {"status": Status.COMPLETED, "total_ms": round(1000 * age_s)}
                log.info("request %s COMPLETED in %.0f ms", request_id, 1000 * seconds, extra=fields)
            case Interrupted.GIVEN_BACK:
                log.info("request %s given back, uncounted", request_id)
            case Outcome(ending=Ending.RETRY, code=code):
                log.info("request %s will be tried again in %.1f s: %s", request_id, self._delay_s, code)
            case ChildDied():
                log.info("request %s will be tried again: %s", request_id, FailureCode.WORKER_LOST)

    def clean_up(self, refused: IllegalMove, transitions: Transitions, store: PictureStore) -> None:
        """Delete the output of a refused report.

        Unless the record names it: then an earlier report was accepted, and its reply was lost.
        """
        request_id = self.attempt.request_id
        if refused.reason not in ENDED:
            log.info("request %s: result discarded: attempt superseded (%s)", request_id, refused.reason)
        output = self.ended.output if isinstance(self.ended, Outcome) else None
        try:
            if not output:
                return
            record = transitions.read(request_id)
            if record is None or record.output != output:
                store.delete([output.path])
        except (RedisError, StoreError) as error:
            log.warning("request %s: its output is left for the sweep: %s", request_id, reason_of(error))

    @property
    def _id(self) -> tuple[str, int]:
        return self.attempt.request_id, self.attempt.number


def backoff_s(attempt: int) -> float:
    """Seconds to wait after the transient failure of an attempt, counted from 1; with 50 % jitter."""
    mean_s: float = min(FIRST_BACKOFF_S * BACKOFF_FACTOR ** (attempt - 1), MAX_BACKOFF_S)
    return mean_s * random.uniform(0.5, 1.5)  # noqa: S311


def _failure(outcome: Outcome) -> Failure:
    return Failure(FailureCode(outcome.code), outcome.error)
