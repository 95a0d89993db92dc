"""The state machine: every move, from every state."""

import json

import pytest

from jobs import keyspace
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.move_script import MAX_FAILED_PARAMS_BYTES
from jobs.lifecycle.moves import Failure, IllegalMove
from jobs.lifecycle.options import RequestOptions
from jobs.lifecycle.record import Record
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import Transitions
from jobs.queue.rq import TASK, open_queue
from tests.asking import OUTPUT, claim_request, queued, rq_queue

ID = "5476801e-1a31-4475-8dbb-58e6b9ddfa68"
BROKEN = Failure(FailureCode.INTERNAL, "broken")
CANCELLED = Failure(FailureCode.CANCELLED, "cancelled by its owner")


PARAMS = {"base_image": "https://a.example/b.jpg"}


@pytest.fixture
def read(transitions: Transitions):
    def read() -> Record:
        record = transitions.read(ID)
        assert record is not None
        return record

    return read


@pytest.fixture
def create(transitions: Transitions, key_id: str):
    return lambda: transitions.create(NewRequest(ID, key_id, PARAMS))


@pytest.fixture
def bring_to(transitions: Transitions, create):
    return lambda state: advance(state, transitions, create)


def advance(state: str, transitions: Transitions, create) -> None:
    if state != "missing":
        create()
    if state in ("PROCESSING", "COMPLETED", "FAILED"):
        claim_request(transitions, ID)
    if state == "COMPLETED":
        transitions.complete(ID, 1, OUTPUT, {"fetch": 0.1})
    if state == "FAILED":
        transitions.fail(ID, 1, BROKEN, {})


MOVES = {
    "complete": lambda transitions: transitions.complete(ID, 1, OUTPUT, {}),
    "complete by another attempt": lambda transitions: transitions.complete(ID, 2, OUTPUT, {}),
    "fail": lambda transitions: transitions.fail(ID, 1, BROKEN, {}),
    "fail by another attempt": lambda transitions: transitions.fail(ID, 7, BROKEN, {}),
    "time out": lambda transitions: transitions.time_out(ID, 1),
    "time out by another attempt": lambda transitions: transitions.time_out(ID, 7),
    "renew": lambda transitions: transitions.renew(ID, 1),
    "renew by another attempt": lambda transitions: transitions.renew(ID, 7),
    "retry": lambda transitions: transitions.retry(ID, 1, BROKEN),
    "retry by another attempt": lambda transitions: transitions.retry(ID, 7, BROKEN),
    "give back": lambda transitions: transitions.give_back(ID, 1),
    "give back by another attempt": lambda transitions: transitions.give_back(ID, 7),
    "reclaim": lambda transitions: transitions.reclaim(ID),
    "reclaim of another attempt": lambda transitions: transitions.reclaim(ID, "7"),
    "cancel": lambda transitions: transitions.cancel(ID, BROKEN),
    "promote": lambda transitions: transitions.promote(ID),
    "expire": lambda transitions: transitions.expire(ID),
}

OF_AN_ATTEMPT = ("complete", "fail", "time out", "renew", "retry", "give back")

REFUSED = [
    *[("missing", move, "missing") for move in MOVES],
    *[("QUEUED", move, "stale") for move in OF_AN_ATTEMPT],
    *[("QUEUED", f"{move} by another attempt", "stale") for move in OF_AN_ATTEMPT],
    ("QUEUED", "expire", "early"),
    ("QUEUED", "reclaim", "stale"),
    ("QUEUED", "reclaim of another attempt", "stale"),
    ("QUEUED", "promote", "stale"),
    *[("PROCESSING", f"{move} by another attempt", "stale") for move in OF_AN_ATTEMPT],
    ("PROCESSING", "expire", "early"),
    ("PROCESSING", "reclaim", "early"),
    ("PROCESSING", "reclaim of another attempt", "stale"),
    ("PROCESSING", "promote", "stale"),
    *[("COMPLETED", move, "terminal") for move in MOVES],
    *[("FAILED", move, "terminal") for move in MOVES],
]


@pytest.mark.parametrize(("state", "move", "reason"), REFUSED)
def test_an_illegal_move_is_refused_and_changes_nothing(redis, transitions, state, move, reason, bring_to):
    bring_to(state)
    before = redis.hgetall(keyspace.request(ID))

    with pytest.raises(IllegalMove) as refused:
        MOVES[move](transitions)

    assert refused.value.reason == reason
    assert redis.hgetall(keyspace.request(ID)) == before


def test_a_request_goes_from_queued_over_processing_to_completed(transitions, read, create, key_id):
    create()
    assert read().status is Status.QUEUED

    _, attempt, _, params, *_ = claim_request(transitions, ID)
    assert (attempt, params) == (1, {"base_image": "https://a.example/b.jpg"})
    assert read().status is Status.PROCESSING

    transitions.complete(ID, attempt, OUTPUT, {"decode": 0.25, "encode": 0.25})
    record = read()
    assert (record.status, record.output, record.key_id) == (Status.COMPLETED, OUTPUT, key_id)
    assert record.metrics["inference_time"] == 0.5
    assert record.metrics["total_time"] >= record.metrics["queue_time"] >= 0


@pytest.mark.parametrize(("longer", "is_stored"), [(0, True), (1, False)])
def test_a_failed_request_keeps_short_parameters(transitions, read, key_id, longer, is_stored):
    address = "https://a.example/"
    room = MAX_FAILED_PARAMS_BYTES - len(json.dumps({"base_image": address}))
    params = {"base_image": address + (room + longer) * "b"}
    transitions.create(NewRequest(ID, key_id, params))
    assert read().params == params

    transitions.cancel(ID, CANCELLED)

    assert read().params == (params if is_stored else {})


def test_a_queued_request_can_fail_at_once(transitions, read, create):
    create()

    transitions.cancel(ID, CANCELLED)

    assert (read().status, read().code) == (Status.FAILED, FailureCode.CANCELLED)


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED"])
def test_record_and_picture_expire_at_the_same_instant(redis, settings, transitions, read, state, bring_to):
    bring_to(state)

    expires_at = read().expires_at
    assert expires_at is not None
    assert expires_at - (read().finished_at or 0) == settings.result_ttl_s
    assert redis.pexpiretime(keyspace.request(ID)) == round(expires_at * 1000)
    if state == "COMPLETED":
        assert redis.pexpiretime(keyspace.picture(OUTPUT.token)) == round(expires_at * 1000)


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED"])
def test_a_terminal_request_is_in_no_queue(redis, transitions, state, bring_to):
    bring_to(state)

    assert redis.zcard(keyspace.WAITING) == redis.zcard(keyspace.DEADLINES) == 0


def test_an_unfinished_record_never_expires(redis, create):
    create()

    assert redis.ttl(keyspace.request(ID)) == -1
    assert redis.zscore(keyspace.DEADLINES, ID) is not None


@pytest.mark.parametrize(("state", "error"), [("QUEUED", "no worker"), ("PROCESSING", "than 60 s")])
def test_a_request_past_its_deadline_fails(redis, transitions, read, state, error, bring_to):
    bring_to(state)
    redis.zadd(keyspace.DEADLINES, {ID: 1})

    transitions.expire(ID)

    assert (read().status, read().code) == (Status.FAILED, FailureCode.TIMEOUT)
    assert error in (read().error or "")


def test_every_change_of_status_is_published(redis, transitions, bring_to):
    with redis.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe(keyspace.CHANGES)
        subscription.get_message(timeout=1)

        bring_to("COMPLETED")

        published = [subscription.get_message(timeout=1)["data"].decode() for _ in range(2)]
    assert published == [f"{ID} PROCESSING", f"{ID} COMPLETED"]


def test_creating_a_request_twice_is_refused_and_keeps_the_first(transitions, read, create):
    create()
    claim_request(transitions, ID)

    with pytest.raises(IllegalMove, match="exists"):
        create()

    assert read().status is Status.PROCESSING


def test_the_job_appears_with_the_record_and_rq_reads_what_it_would_have_written(redis, transitions, key_id):
    queue = open_queue(redis)
    by_rq = queue.enqueue(TASK, job_id="by-rq", description="superimpose", job_timeout=60, result_ttl=60)

    transitions.create(NewRequest(ID, key_id, PARAMS))
    with pytest.raises(IllegalMove, match="exists"):
        transitions.create(NewRequest(ID, key_id, PARAMS))

    assert queue.job_ids == ["by-rq"]
    assert queued(redis, key_id) == [ID]
    of_key = rq_queue(redis, key_id)
    job, other = of_key.fetch_job(ID).to_dict(), queue.fetch_job(by_rq.id).to_dict()
    assert job.pop("failure_ttl")
    assert {name for name in other if job[name] != other[name]} == {"created_at", "enqueued_at", "origin"}
    assert redis.smembers("rq:queues") == {queue.key.encode(), of_key.key.encode()}


def test_a_revoked_key_creates_nothing(redis, transitions):
    with pytest.raises(IllegalMove, match="revoked"):
        transitions.create(NewRequest(ID, "key_gone", PARAMS))

    assert redis.dbsize() == 0


def test_the_log_of_a_failure_has_the_custom_id(transitions, key_id, caplog):
    transitions.create(NewRequest(ID, key_id, PARAMS, options=RequestOptions(custom_id="sku-1")))
    claim_request(transitions, ID)

    transitions.fail(ID, 1, BROKEN, {})

    [line] = [each for each in caplog.records if each.name == "superimpose.jobs"]
    assert line.custom_id == "sku-1"
