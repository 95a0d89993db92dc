"""The state machine: every move, from every state."""

import pytest
from redis import Redis

from jobs import keyspace
from jobs.record import Output, Record
from jobs.settings import Settings
from jobs.status import FailureCode, Status
from jobs.transitions import IllegalMove, Transitions

OUTPUT = Output("token", "outputs/20300101T0000/token", "image/png", 10, 4, 3)
ID = "5f3c"


PARAMS = {"base_image": "https://a.example/b.jpg"}


@pytest.fixture
def transitions(redis: Redis, settings: Settings) -> Transitions:
    return Transitions(redis, settings)


@pytest.fixture
def read(transitions: Transitions):
    def read() -> Record:
        record = transitions.read(ID)
        assert record is not None
        return record

    return read


@pytest.fixture
def create(transitions: Transitions, key_id: str):
    return lambda: transitions.create(ID, key_id, PARAMS)


@pytest.fixture
def bring_to(transitions: Transitions, create):
    return lambda state: advance(state, transitions, create)


def advance(state: str, transitions: Transitions, create) -> None:
    if state != "missing":
        create()
    if state in ("PROCESSING", "COMPLETED", "FAILED"):
        transitions.claim(ID)
    if state == "COMPLETED":
        transitions.complete(ID, 1, OUTPUT, {"fetch": 0.1})
    if state == "FAILED":
        transitions.fail(ID, FailureCode.INTERNAL, "broken", 1)


MOVES = {
    "claim": lambda transitions: transitions.claim(ID),
    "complete": lambda transitions: transitions.complete(ID, 1, OUTPUT, {}),
    "complete by another attempt": lambda transitions: transitions.complete(ID, 2, OUTPUT, {}),
    "fail": lambda transitions: transitions.fail(ID, FailureCode.CANCELLED, "stopped"),
    "fail by another attempt": lambda transitions: transitions.fail(ID, FailureCode.INTERNAL, "late", 7),
    "expire": lambda transitions: transitions.expire(ID),
}

REFUSED = [
    *[("missing", move, "missing") for move in MOVES],
    ("QUEUED", "complete", "stale"),
    ("QUEUED", "complete by another attempt", "stale"),
    ("QUEUED", "fail by another attempt", "stale"),
    ("QUEUED", "expire", "early"),
    ("PROCESSING", "complete by another attempt", "stale"),
    ("PROCESSING", "fail by another attempt", "stale"),
    ("PROCESSING", "expire", "early"),
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

    attempt, params = transitions.claim(ID)
    assert (attempt, params) == (1, {"base_image": "https://a.example/b.jpg"})
    assert read().status is Status.PROCESSING

    transitions.complete(ID, attempt, OUTPUT, {"decode": 0.25, "encode": 0.25})
    record = read()
    assert (record.status, record.output, record.key_id) == (Status.COMPLETED, OUTPUT, key_id)
    assert record.metrics["inference_time"] == 0.5
    assert record.metrics["total_time"] >= record.metrics["queue_time"] >= 0


def test_nothing_that_a_client_sent_is_kept_of_a_failed_request(transitions, read, create):
    create()
    assert read().params == PARAMS

    transitions.fail(ID, FailureCode.CANCELLED, "cancelled by its owner")

    assert read().params == {}


def test_a_queued_request_can_fail_at_once(transitions, read, create):
    create()

    transitions.fail(ID, FailureCode.CANCELLED, "cancelled by its owner")

    assert (read().status, read().code) == (Status.FAILED, FailureCode.CANCELLED)


def test_a_later_attempt_shuts_out_the_earlier_one(transitions, read, create):
    create()
    first, _ = transitions.claim(ID)
    second, _ = transitions.claim(ID)

    with pytest.raises(IllegalMove, match="stale"):
        transitions.complete(ID, first, OUTPUT, {})
    transitions.complete(ID, second, OUTPUT, {})

    assert read().attempts == 2


def test_attempts_are_counted_and_the_last_refused_one_ends_the_request(settings, transitions, read, create):
    create()
    for _ in range(settings.max_attempts):
        transitions.claim(ID)

    with pytest.raises(IllegalMove, match="exhausted"):
        transitions.claim(ID)

    assert (read().status, read().code) == (Status.FAILED, FailureCode.WORKER_LOST)


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
def test_nothing_waits_for_a_terminal_request(redis, transitions, state, bring_to):
    bring_to(state)

    assert redis.zcard(keyspace.WAITING) == redis.zcard(keyspace.DEADLINES) == 0


def test_an_unfinished_record_never_expires_so_that_it_is_always_ended_and_its_credits_return(redis, create):
    create()

    assert redis.ttl(keyspace.request(ID)) == -1
    assert redis.zscore(keyspace.DEADLINES, ID) is not None


@pytest.mark.parametrize(("state", "code"), [("QUEUED", "timeout"), ("PROCESSING", "worker_lost")])
def test_a_request_past_its_deadline_fails(redis, transitions, read, state, code, bring_to):
    bring_to(state)
    redis.zadd(keyspace.DEADLINES, {ID: 1})

    transitions.expire(ID)

    assert (read().status, read().code) == (Status.FAILED, code)


def test_every_change_of_status_is_published(redis, transitions, bring_to):
    with redis.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe(keyspace.CHANGES)
        subscription.get_message(timeout=1)

        bring_to("COMPLETED")

        heard = [subscription.get_message(timeout=1)["data"].decode() for _ in range(3)]
    assert heard == [f"{ID} QUEUED", f"{ID} PROCESSING", f"{ID} COMPLETED"]


def test_creating_a_request_twice_is_refused_and_keeps_the_first(transitions, read, create):
    create()
    transitions.claim(ID)

    with pytest.raises(IllegalMove, match="exists"):
        create()

    assert read().status is Status.PROCESSING


def test_the_queues_commands_run_with_the_record_or_not_at_all(redis, transitions, key_id):
    commands = [("RPUSH", "rq:queue:x", b"\x00\xff"), ("HSET", "rq:job:x", "number", 2)]

    transitions.create(ID, key_id, PARAMS, commands)
    with pytest.raises(IllegalMove, match="exists"):
        transitions.create(ID, key_id, PARAMS, commands)

    assert redis.lrange("rq:queue:x", 0, -1) == [b"\x00\xff"]
    assert redis.hgetall("rq:job:x") == {b"number": b"2"}


def test_a_key_that_was_revoked_a_moment_ago_makes_nothing(redis, transitions):
    with pytest.raises(IllegalMove, match="revoked"):
        transitions.create(ID, "key_gone", PARAMS, [("RPUSH", "rq:queue:x", "1")])

    assert redis.dbsize() == 0
