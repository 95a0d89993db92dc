"""The checks find each kind of violation."""

import json
from dataclasses import replace
from random import Random

import pytest

from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.status import FailureCode, Status
from tests.chaos import events, invariants, leftovers
from tests.chaos.census import Census
from tests.chaos.load import RequestOutcome
from tests.chaos.outside.origin import tiny_png
from tests.chaos.outside.receiver import Received
from tests.chaos.requests import RequestGenerator, SubmittedRequest
from tests.chaos.schedule import Injected
from tests.chaos.service import CREDITS

KEY = "key_1"
ONE, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


def request_of_kind(kind: str) -> SubmittedRequest:
    generator = RequestGenerator(Random(1), "http://here", "http://there", "http://receiver", [KEY])
    return next(found for found in iter(generator.next, None) if found.kind == kind)


@pytest.fixture
def submission() -> SubmittedRequest:
    return request_of_kind("inline")


def completed_outcome(submission: SubmittedRequest) -> RequestOutcome:
    return RequestOutcome(
        submission, {ONE}, accepted_at=10, ended_at=11, status=Status.COMPLETED, picture=submission.render()
    )


@pytest.fixture
def completed(submission: SubmittedRequest) -> RequestOutcome:
    return completed_outcome(submission)


def failed(submission: SubmittedRequest, code: FailureCode, **more: object) -> RequestOutcome:
    return replace(
        RequestOutcome(
            submission, {ONE}, accepted_at=10, ended_at=11, status=Status.FAILED, code=code, error="why"
        ),
        **more,
    )


def complaints(outcome: RequestOutcome, *faults: Injected) -> list[str]:
    return list(invariants.broken_promises([outcome], faults))


def test_a_completed_request_with_the_right_picture_is_fine(completed):
    assert complaints(completed) == []


@pytest.mark.parametrize(
    "kind", ["inline", "late", "scene", "centred", "in perspective", "displaced", "animated"]
)
def test_a_picture_rendered_with_a_wrong_input_is_found(kind):
    submission = request_of_kind(kind)
    outcome = completed_outcome(submission)

    assert complaints(outcome) == []
    for path in submission.files:
        other = replace(submission, files={**submission.files, path: tiny_png(0)})
        assert "not the one" in complaints(replace(outcome, picture=other.render()))[0], path


def test_a_second_request_for_one_idempotency_key_is_found(completed):
    assert "made 2 requests" in complaints(replace(completed, ids={ONE, OTHER}))[0]


def test_a_cancelled_request_that_completes_is_found(completed):
    assert "was cancelled" in complaints(replace(completed, cancel_status=200))[0]


@pytest.mark.parametrize("code", FailureCode)
def test_every_failure_without_a_fault_is_found(submission, code):
    assert complaints(failed(submission, code))


def test_a_failure_caused_by_the_client_is_fine(submission):
    assert not complaints(failed(replace(submission, kind="broken picture"), FailureCode.INVALID_IMAGE))
    assert not complaints(failed(submission, FailureCode.CANCELLED, may_be_cancelled=True))


def test_a_fault_only_excuses_its_code_and_requests_of_its_time(submission):
    met, missed = Injected("lose store", 9, 10.5), Injected("lose store", 11.5, 12)

    assert not complaints(failed(submission, FailureCode.INTERNAL), met)
    assert complaints(failed(submission, FailureCode.INTERNAL), missed)
    assert complaints(failed(submission, FailureCode.WORKER_LOST), met)


def test_a_request_that_no_client_submitted_is_found(redis, completed):
    census = Census(redis)
    for request_id in (ONE, OTHER):
        redis.hset(f"superimpose:request:{request_id}", "status", "QUEUED")
    census.count()

    assert [OTHER in found for found in invariants.wrong_counts([completed], census)] == [True]


def test_a_second_end_of_a_request_is_found(redis, completed):
    census = Census(redis)
    for status in ("COMPLETED", "FAILED"):
        redis.hset(f"superimpose:request:{ONE}", "status", status)
        census.count()

    assert "more than once" in next(invariants.wrong_counts([completed], census))


@pytest.mark.parametrize(("credits", "held", "spent"), [(-2, 1, 1), (-1, 1, 0), (-2, 0, 2), (0, 0, 1)])
def test_credits_that_do_not_add_up_are_found(redis, completed, credits, held, spent):
    created, _ = ApiKeys(redis).create("chaos", KeyOptions(credits=CREDITS))
    key = replace(created, key_id=KEY)
    of_another = replace(completed, submission=replace(completed.submission, key_id="key_2"))
    books = replace(key, credits=CREDITS + credits, held=held, spent=spent)

    assert list(invariants.wrong_credits([completed, of_another], books))
    assert not list(
        invariants.wrong_credits([completed, of_another], replace(key, credits=CREDITS - 1, spent=1))
    )


def test_leftovers_in_redis_are_found(redis):
    redis.rpush("rq:queue:superimpose", ONE)
    redis.set(f"superimpose:request:{ONE}", "", ex=3600)
    redis.set(f"rq:job:{ONE}", "", ex=30)
    redis.sadd("superimpose:anything", ONE)
    redis.set("superimpose:key:key_1", "")
    of_events = ["superimpose:receivers:new", "superimpose:events-untried:r", "superimpose:events-tried:r"]
    for key in of_events:
        redis.zadd(key, {"r": 1})

    assert [found.split()[0] for found in leftovers.not_empty(redis)] == ["rq:queue:superimpose", *of_events]
    assert [found.split()[0] for found in leftovers.orphaned_keys(redis)] == [f"superimpose:request:{ONE}"]
    assert {found.split()[0] for found in leftovers.orphaned_members(redis)} == {
        "rq:queue:superimpose",
        "superimpose:anything",
    }


@pytest.mark.parametrize("field", ["undelivered", "entering"])
def test_stale_counters_of_a_key_are_found(redis, key_id, field):
    redis.hset(f"superimpose:key:{key_id}", field, 0)
    assert not list(leftovers.wrong_counts(redis, [key_id]))

    redis.hincrby(f"superimpose:key:{key_id}", field, 1)
    assert list(leftovers.wrong_counts(redis, [key_id]))


def test_requests_that_never_entered_the_queue_are_found(redis):
    redis.set("superimpose:entering", 1)

    assert list(leftovers.wrong_counts(redis, []))


def test_leftovers_of_batches_are_found(redis):
    redis.zadd("superimpose:open-batches", {ONE: 1})
    redis.set("superimpose:archive:token", ONE)
    redis.zadd("superimpose:line:key_1", {OTHER: 1})
    redis.hset(f"superimpose:batch:{ONE}", "state", "staged")

    assert [found.split()[0] for found in leftovers.not_empty(redis)] == [
        "superimpose:open-batches",
        "superimpose:line:key_1",
        "superimpose:archive:token",
    ]
    assert [found.split()[0] for found in leftovers.orphaned_keys(redis)] == [f"superimpose:batch:{ONE}"]


def test_only_batches_that_were_never_accepted_are_aged(redis):
    redis.zadd("superimpose:open-batches", {ONE: 7, OTHER: 8})
    redis.hset(f"superimpose:batch:{ONE}", "state", "staged")
    redis.hset(f"superimpose:batch:{OTHER}", "state", "accepted")

    leftovers.age_unaccepted(redis)

    assert redis.zrange("superimpose:open-batches", 0, -1, withscores=True) == [
        (ONE.encode(), 0),
        (OTHER.encode(), 8),
    ]


ID = f"msg_{ONE.replace('-', '')}_completed"
RESULT = {"status": "COMPLETED", "request_id": ONE, "output": "http://here/a.png"}
CALL = Received("/well/1", ID, json.dumps({**RESULT, "type": "request.completed"}).encode(), None)


@pytest.fixture
def with_webhook(completed) -> RequestOutcome:
    submission = replace(completed.submission, options={"webhook_url": f"http://receiver{CALL.path}"})
    return replace(completed, submission=submission, response=RESULT)


def complaints_of_events(outcome: RequestOutcome, *calls: Received) -> list[str]:
    return list(events.broken_promises([outcome], calls))


def saying(**fields: object) -> Received:
    return replace(CALL, body=json.dumps({**json.loads(CALL.body), **fields}).encode())


def test_an_event_that_arrives_late_and_twice_is_fine(with_webhook):
    bad = replace(CALL, answered="error")

    assert complaints_of_events(with_webhook, CALL) == []
    assert complaints_of_events(with_webhook, bad, CALL, CALL) == []


@pytest.mark.parametrize(
    ("calls", "complaint"),
    [
        ([], "was not delivered"),
        ([replace(CALL, answered="error"), replace(CALL, answered="torn")], "was not delivered"),
        ([CALL, replace(CALL, message_id=ID.replace("completed", "failed"))], "not only"),
        ([CALL, replace(CALL, message_id=f"msg_{OTHER.replace('-', '')}_completed")], "not only"),
        ([replace(CALL, fault="No matching signature found"), CALL], "not to be believed"),
        ([saying(output="http://here/b.png")], "its event says"),
        ([saying(type="request.failed")], "its event says"),
        ([CALL, saying(timestamp="later")], "2 bodies"),
        ([CALL, replace(CALL, path="/well/2")], "no request named"),
    ],
)
def test_a_wrong_event_is_found(with_webhook, calls, complaint):
    found = complaints_of_events(with_webhook, *calls)

    assert len(found) == 1
    assert complaint in found[0]


def test_an_event_of_a_request_without_a_webhook_is_found(with_webhook):
    submission = with_webhook.submission
    only_failed = replace(submission, options={**submission.options, "webhook_events": ["failed"]})
    refused = replace(with_webhook, ids=set(), status=None, response={})

    for outcome in (
        replace(with_webhook, submission=only_failed),
        replace(with_webhook, submission=replace(submission, options={})),
        refused,
    ):
        assert not complaints_of_events(outcome)
        assert complaints_of_events(outcome, CALL)


def test_an_accepted_invalid_request_is_found(completed):
    assert "opacity" in complaints(replace(completed, submission=request_of_kind("refused")))[0]
