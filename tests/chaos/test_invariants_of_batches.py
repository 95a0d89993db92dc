"""The checks of batches find each kind of violation."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from uuid import UUID

import pytest

from jobs.lifecycle.status import FailureCode, Status
from tests.chaos import events
from tests.chaos import invariants as of_request
from tests.chaos.batches import invariants
from tests.chaos.batches.following import BatchOutcome
from tests.chaos.batches.submissions import SubmittedBatch, batches
from tests.chaos.census import Batch, Census
from tests.chaos.load import RequestOutcome
from tests.chaos.outside.receiver import Received
from tests.chaos.requests import RequestGenerator

ONE, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
END_MS = 1_700_000_000_000


def batch_of_kind(kind: str) -> SubmittedBatch:
    generator = RequestGenerator(Random(1), "http://here", "http://there", "http://receiver", ["key_1"])
    submission = next(found for found in batches(generator, Random(1), 200) if found.kind == kind)
    return replace(submission, webhook_url="http://receiver/well/key_1/1")


@dataclass
class Followed:
    """A batch whose requests are COMPLETED, with all responses about it."""

    outcome: BatchOutcome
    census: Census

    def complaints(self) -> list[str]:
        return list(invariants.broken_promises([self.outcome], self.census))


@pytest.fixture
def followed(redis) -> Followed:
    submission = batch_of_kind("whole")
    census = Census(redis)
    members = [_completed(RequestOutcome(each), nth) for nth, each in enumerate(submission.members)]
    pairs = [(each.its_id, name) for each, name in zip(members, submission.custom_ids, strict=True)]
    counts = {"total": len(members), "queued": 0, "processing": 0, "completed": len(members), "failed": 0}
    began = {**counts, "queued": 1, "completed": len(members) - 1}
    for nth, (request_id, _) in enumerate(pairs):
        finished_at, started_at = END_MS - nth, END_MS - 1000
        census.last_records[request_id] = {
            "finished_at": str(finished_at),
            "started_at": str(started_at),
            "attempts": "1",
        }
    entries = [f"{request_id} {name}" for request_id, name in pairs]
    census.batches[ONE] = Batch({"finished_at": str(END_MS)}, entries)
    outcome = BatchOutcome(
        submission,
        {ONE},
        members=members,
        response={"batch_id": ONE, "status": "COMPLETED", "request_counts": counts},
        counts=[began, counts],
        listed=[{"request_id": each, **({"custom_id": name} if name else {})} for each, name in pairs],
        results=[[dict(each.response) for each in members]],
        archive={name or request_id: b"" for request_id, name in pairs},
    )
    return Followed(outcome, census)


def _completed(outcome: RequestOutcome, nth: int) -> RequestOutcome:
    request_id = str(UUID(int=nth))
    line = {"status": "COMPLETED", "request_id": request_id, "output": f"http://here/{nth}.png"}
    return replace(
        outcome, ids={request_id}, status=Status.COMPLETED, response=line, expires_at=time.time() + 99
    )


def test_a_complete_batch_is_fine(followed):
    assert followed.complaints() == []


def two_ids(outcome: BatchOutcome, _: Census) -> None:
    outcome.ids.add(OTHER)


def unknown(_: BatchOutcome, census: Census) -> None:
    census.batches[OTHER] = Batch({}, [f"{OTHER} sku"])


def lost(outcome: BatchOutcome, census: Census) -> None:
    del census.batches[ONE]


def half(outcome: BatchOutcome, census: Census) -> None:
    batch = census.batches[ONE]
    census.batches[ONE] = batch._replace(entries=batch.entries[:-1])


def another_order(outcome: BatchOutcome, _: Census) -> None:
    outcome.listed = outcome.listed[::-1]


def one_unfinished(outcome: BatchOutcome, _: Census) -> None:
    outcome.members[3].status = None


def early_end(_: BatchOutcome, census: Census) -> None:
    census.batches[ONE] = census.batches[ONE]._replace(record={"finished_at": str(END_MS - 1)})


def no_end(_: BatchOutcome, census: Census) -> None:
    census.batches[ONE] = census.batches[ONE]._replace(record={})


def one_too_few(outcome: BatchOutcome, _: Census) -> None:
    outcome.counts[0] = {**outcome.counts[0], "queued": 0}


def backwards(outcome: BatchOutcome, _: Census) -> None:
    outcome.counts.insert(0, outcome.counts[-1])


def another_count(outcome: BatchOutcome, _: Census) -> None:
    outcome.members[0].status = Status.FAILED


def miscounted(_: BatchOutcome, census: Census) -> None:
    counts = dict.fromkeys(("queued", "processing", "completed", "failed"), 1)
    census.redis.hset(f"superimpose:batch:{ONE}", mapping={"state": "accepted", "total": 5, **counts})
    census.count()


def a_result_twice(outcome: BatchOutcome, _: Census) -> None:
    outcome.results = [[*outcome.results[0], outcome.results[0][0]]]


def a_result_of_another(outcome: BatchOutcome, _: Census) -> None:
    outcome.results.insert(0, [{"request_id": OTHER, "status": "COMPLETED"}])


def a_result_missing(outcome: BatchOutcome, _: Census) -> None:
    outcome.results = [outcome.results[0][1:]]


def a_result_expired(outcome: BatchOutcome, _: Census) -> None:
    outcome.results[0] = [
        {"request_id": outcome.members[0].its_id, "code": "expired"},
        *outcome.results[0][1:],
    ]


def a_result_that_runs(outcome: BatchOutcome, _: Census) -> None:
    outcome.results.insert(0, [{**outcome.members[0].response, "status": "PROCESSING"}])


def another_result(outcome: BatchOutcome, _: Census) -> None:
    outcome.results.insert(0, [{**outcome.members[0].response, "output": "http://here/other.png"}])


def another_status(outcome: BatchOutcome, _: Census) -> None:
    outcome.listed = [
        {**outcome.listed[0], **outcome.members[0].response, "output": "http://here/x.png"},
        *outcome.listed[1:],
    ]


def cancel_forgotten(outcome: BatchOutcome, _: Census) -> None:
    outcome.cancel_status, outcome.cancelled_at = 200, time.time()


def cancel_unrequested(outcome: BatchOutcome, _: Census) -> None:
    outcome.response = {**outcome.response, "cancelled": True}


def cancelled_and_begun(outcome: BatchOutcome, _: Census) -> None:
    cancel_unrequested(outcome, _)
    outcome.cancel_status, outcome.cancelled_at = 200, END_MS / 1000 - 2


def archive_without(outcome: BatchOutcome, _: Census) -> None:
    outcome.archive = dict(list((outcome.archive or {}).items())[1:])


def archive_with_more(outcome: BatchOutcome, _: Census) -> None:
    outcome.archive = {**(outcome.archive or {}), "sku-of-another": b""}


def archive_of_failed(outcome: BatchOutcome, _: Census) -> None:
    outcome.members[0].status = Status.FAILED
    counts = {**outcome.counts[-1], "completed": len(outcome.members) - 1, "failed": 1}
    outcome.counts[-1] = counts


@pytest.mark.parametrize(
    ("breaks", "complaint"),
    [
        (two_ids, "made 2 batches"),
        (unknown, "no client knows it"),
        (lost, "never there"),
        (half, "its requests are"),
        (another_order, "it lists"),
        (one_unfinished, "has not ended"),
        (early_end, "the last of its requests at"),
        (no_end, "it has not ended"),
        (one_too_few, "it counted"),
        (backwards, " after "),
        (another_count, "its requests ended as"),
        (miscounted, f"batch {ONE} counted"),
        (a_result_twice, "name"),
        (a_result_of_another, "not all its own"),
        (a_result_missing, "lines for"),
        (a_result_expired, "has not expired"),
        (a_result_that_runs, "a result says"),
        (another_result, "and another one"),
        (another_status, "and its status"),
        (cancel_forgotten, "a cancel was answered 200"),
        (cancel_unrequested, "a cancel was answered None"),
        (cancelled_and_begun, "began at"),
        (archive_without, "has not the picture"),
        (archive_with_more, "is not of it"),
        (archive_of_failed, "which FAILED"),
    ],
)
def test_a_violation_is_found(followed, breaks: Callable[[BatchOutcome, Census], None], complaint):
    breaks(followed.outcome, followed.census)

    assert any(complaint in found for found in followed.complaints())


@pytest.mark.parametrize("kind", ["bad request", "twice named", "torn"])
def test_an_accepted_invalid_batch_is_found(followed, kind):
    followed.outcome.submission = replace(followed.outcome.submission, kind=kind)

    assert "was accepted" in followed.complaints()[0]


def test_an_expired_result_is_fine(followed):
    a_result_expired(followed.outcome, followed.census)
    request_id = followed.outcome.members[0].its_id
    followed.census.last_records[request_id] |= {"status": "COMPLETED", "expires_at": "0"}

    assert followed.complaints() == []


def test_requests_of_a_cancelled_batch_may_be_cancelled_and_may_complete(followed):
    member = followed.outcome.members[0]
    cancelled = replace(member, status=Status.FAILED, code=FailureCode.CANCELLED, picture=None)

    assert list(of_request.broken_promises([cancelled], []))
    for either in (cancelled, member):
        assert not list(of_request.broken_promises([replace(either, may_be_cancelled=True)], []))


def test_a_request_of_a_batch_is_counted_once_it_is_accepted(redis):
    census = Census(redis)
    redis.hset(f"superimpose:batch:{ONE}", "state", "staged")
    redis.hset(f"superimpose:request:{OTHER}", "params", "{}")
    census.count()
    assert not census.seen
    assert not census.batches

    redis.hset(f"superimpose:request:{OTHER}", "status", "QUEUED")
    census.count()
    assert census.seen == {OTHER}


def complaints_of_event(outcome: BatchOutcome, **response: object) -> list[str]:
    body = {"type": "batch.completed", **outcome.response, **response}
    message_id = f"msg_{ONE.replace('-', '')}_completed"
    return list(
        events.broken_promises(
            [outcome], [Received("/well/key_1/1", message_id, json.dumps(body).encode(), None)]
        )
    )


def test_an_event_of_a_batch_must_arrive_with_its_counts(followed):
    outcome = followed.outcome
    other = {**outcome.response["request_counts"], "completed": 0}

    assert complaints_of_event(outcome) == []
    assert "its event says" in complaints_of_event(outcome, request_counts=other)[0]
    assert "was not delivered" in next(events.broken_promises([outcome], []))
