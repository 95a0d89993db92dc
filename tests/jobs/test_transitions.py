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


def create(redis: Redis, transitions: Transitions) -> None:
    with redis.pipeline() as pipe:
        transitions.create(ID, "key_1", {"base_image": "https://a.example/b.jpg"}, pipe)
        pipe.execute()


def bring_to(state: str, redis: Redis, transitions: Transitions) -> None:
    if state != "missing":
        create(redis, transitions)
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
def test_an_illegal_move_is_refused_and_changes_nothing(redis, transitions, state, move, reason):
    bring_to(state, redis, transitions)
    before = redis.hgetall(keyspace.request(ID))

    with pytest.raises(IllegalMove) as refused:
        MOVES[move](transitions)

    assert refused.value.reason == reason
    assert redis.hgetall(keyspace.request(ID)) == before


def test_a_request_goes_from_queued_over_processing_to_completed(redis, transitions, read):
    create(redis, transitions)
    assert read().status is Status.QUEUED

    attempt, params = transitions.claim(ID)
    assert (attempt, params) == (1, {"base_image": "https://a.example/b.jpg"})
    assert read().status is Status.PROCESSING

    transitions.complete(ID, attempt, OUTPUT, {"decode": 0.25, "encode": 0.25})
    record = read()
    assert (record.status, record.output, record.key_id) == (Status.COMPLETED, OUTPUT, "key_1")
    assert record.metrics["inference_time"] == 0.5
    assert record.metrics["total_time"] >= record.metrics["queue_time"] >= 0


def test_a_queued_request_can_fail_at_once(redis, transitions, read):
    create(redis, transitions)

    transitions.fail(ID, FailureCode.CANCELLED, "cancelled by its owner")

    assert (read().status, read().code) == (Status.FAILED, FailureCode.CANCELLED)


def test_a_later_attempt_shuts_out_the_earlier_one(redis, transitions, read):
    create(redis, transitions)
    first, _ = transitions.claim(ID)
    second, _ = transitions.claim(ID)

    with pytest.raises(IllegalMove, match="stale"):
        transitions.complete(ID, first, OUTPUT, {})
    transitions.complete(ID, second, OUTPUT, {})

    assert read().attempts == 2


def test_attempts_are_counted_and_the_last_refused_one_ends_the_request(redis, settings, transitions, read):
    create(redis, transitions)
    for _ in range(settings.max_attempts):
        transitions.claim(ID)

    with pytest.raises(IllegalMove, match="exhausted"):
        transitions.claim(ID)

    assert (read().status, read().code) == (Status.FAILED, FailureCode.WORKER_LOST)


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED"])
def test_record_and_picture_expire_at_the_same_instant(redis, settings, transitions, read, state):
    bring_to(state, redis, transitions)

    expires_at = read().expires_at
    assert expires_at is not None
    assert expires_at - (read().finished_at or 0) == settings.result_ttl_s
    assert redis.pexpiretime(keyspace.request(ID)) == round(expires_at * 1000)
    if state == "COMPLETED":
        assert redis.pexpiretime(keyspace.picture(OUTPUT.token)) == round(expires_at * 1000)


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED"])
def test_nothing_waits_for_a_terminal_request(redis, transitions, state):
    bring_to(state, redis, transitions)

    assert redis.zcard(keyspace.WAITING) == redis.zcard(keyspace.DEADLINES) == 0


def test_an_unfinished_record_outlives_its_deadlines_but_not_for_ever(redis, settings, transitions):
    create(redis, transitions)

    assert settings.start_timeout_s < redis.ttl(keyspace.request(ID)) <= settings.longest_life_s


@pytest.mark.parametrize(("state", "code"), [("QUEUED", "timeout"), ("PROCESSING", "worker_lost")])
def test_a_request_past_its_deadline_fails(redis, transitions, read, state, code):
    bring_to(state, redis, transitions)
    redis.zadd(keyspace.DEADLINES, {ID: 1})

    transitions.expire(ID)

    assert (read().status, read().code) == (Status.FAILED, code)


def test_every_change_of_status_is_published(redis, transitions):
    with redis.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe(keyspace.CHANGES)
        subscription.get_message(timeout=1)

        bring_to("COMPLETED", redis, transitions)

        heard = [subscription.get_message(timeout=1)["data"].decode() for _ in range(3)]
    assert heard == [f"{ID} QUEUED", f"{ID} PROCESSING", f"{ID} COMPLETED"]


def test_creating_a_request_twice_keeps_the_first(redis, transitions, read):
    create(redis, transitions)
    transitions.claim(ID)

    create(redis, transitions)

    assert read().status is Status.PROCESSING
