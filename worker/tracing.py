"""An attempt as a trace shows it."""

import time

from jobs.lifecycle.moves import Claim
from jobs.lifecycle.status import FailureCode
from telemetry.stages import STAGES
from telemetry.traces import Attempt, Traces
from worker.attempt import Interrupted
from worker.child.child import ChildDied
from worker.child.messages import Outcome


def trace_attempt(
    traces: Traces, claim: Claim, start: float, ended: Outcome | Interrupted | ChildDied
) -> None:
    """An attempt that began at `start`, seconds since the epoch, and has ended and been reported now."""
    known = ended.stages if isinstance(ended, Outcome) else {}
    traces.attempt(
        claim.trace,
        Attempt(
            {
                "superimpose.request_id": claim.request_id,
                "superimpose.key_id": claim.key_id,
                "superimpose.attempt": claim.attempt,
            },
            start,
            time.time(),
            claim.age_s if claim.attempt == 1 else None,
            _code(ended),
            {stage: known[stage] for stage in STAGES if stage in known},
        ),
    )


def _code(ended: Outcome | Interrupted | ChildDied) -> str:
    if isinstance(ended, Outcome):
        return ended.code
    return FailureCode.WORKER_LOST if isinstance(ended, ChildDied) else ended
