"""Invariants of every accepted request, and of credits, after a run."""

from collections.abc import Iterator, Mapping, Sequence

from jobs.keys.api_key import ApiKey
from jobs.lifecycle.status import FailureCode, Status
from tests.chaos.census import Census
from tests.chaos.load import RequestOutcome
from tests.chaos.schedule import Injected
from tests.chaos.service import CREDITS

AFTERMATH_S = 5
"""A failure may be caused by a fault that ended at most this long before."""

MOST_LATE = 0.05

EXCUSES = {FailureCode.INTERNAL: {"lose store"}}
"""The faults that may cause each error code; other codes are always violations."""


def broken_promises(outcomes: Sequence[RequestOutcome], injected: Sequence[Injected]) -> Iterator[str]:
    """A sentence for each request with a wrong outcome."""
    for one in outcomes:
        for complaint in _complaints(one, injected):
            yield f"{one}: {complaint}"


def _complaints(outcome: RequestOutcome, injected: Sequence[Injected]) -> Iterator[str]:
    if outcome.complaint:
        yield outcome.complaint
    if len(outcome.ids) > 1:
        yield f"one idempotency key made {len(outcome.ids)} requests: {sorted(outcome.ids)}"
    if outcome.status is Status.COMPLETED:
        yield from _complaints_of_completed(outcome)
    elif outcome.status is Status.FAILED and not _may_fail(outcome, injected):
        yield f"FAILED {outcome.code}: {outcome.error}"


def _complaints_of_completed(outcome: RequestOutcome) -> Iterator[str]:
    if outcome.submission.kind == "refused":
        yield "COMPLETED with an opacity that there is not"
    elif outcome.submission.kind == "broken picture":
        yield "COMPLETED without a picture to make it from"
    elif outcome.cancel_status == 200:
        yield "COMPLETED although it was cancelled"
    elif outcome.picture is not None and outcome.picture != outcome.submission.render():
        yield "the picture is not the one that the compositor makes"


def _may_fail(outcome: RequestOutcome, injected: Sequence[Injected]) -> bool:
    match outcome.code:
        case FailureCode.INVALID_IMAGE:
            return outcome.submission.kind == "broken picture"
        case FailureCode.CANCELLED:
            return outcome.may_be_cancelled
        case _:
            met = {fault.kind for fault in injected if _met(outcome, fault)}
            return outcome.code is not None and bool(met & EXCUSES.get(outcome.code, set()))


def _met(outcome: RequestOutcome, fault: Injected) -> bool:
    if outcome.accepted_at is None or outcome.ended_at is None:
        return False
    return outcome.accepted_at < fault.ended_at + AFTERMATH_S and fault.began_at < outcome.ended_at


def wrong_answers(answers: Mapping[str, int]) -> Iterator[str]:
    """A sentence for each kind of call with an unexpected status."""
    for answer, count in answers.items():
        if answer.endswith(" 500"):
            yield f"{count} times {answer}: Redis or store away is 502"


def unseen(outcomes: Sequence[RequestOutcome], answers: Mapping[str, int]) -> Iterator[str]:
    """A sentence if so many clients were too late that the run shows little."""
    late = answers.get("came too late", 0)
    if late > MOST_LATE * len(outcomes):
        yield f"{late} clients came when their request had expired, at most {MOST_LATE:.0%} may"


def wrong_counts(outcomes: Sequence[RequestOutcome], census: Census) -> Iterator[str]:
    """A sentence for each request whose id no client knows, and each with two ends."""
    accepted = {request_id for one in outcomes for request_id in one.ids}
    for request_id in census.seen - accepted:
        yield f"request {request_id} was made, and no client knows it"
    for request_id, endings in census.endings.items():
        if len(endings) > 1:
            yield f"request {request_id} ended more than once: {sorted(endings)}"


def wrong_credits(outcomes: Sequence[RequestOutcome], key: ApiKey) -> Iterator[str]:
    """A sentence for each inconsistency in the credits of a key."""
    completed = sum(
        one.submission.key_id == key.key_id and one.status is Status.COMPLETED for one in outcomes
    )
    if key.held:
        yield f"{key.name}: {key.held} credits are still held"
    if key.spent != completed:
        yield f"{key.name}: {key.spent} credits are spent on {completed} COMPLETED requests"
    if (key.credits or 0) + key.held + key.spent != CREDITS:
        yield f"{key.name}: {key.credits} + {key.held} + {key.spent} credits are not the {CREDITS} granted"
