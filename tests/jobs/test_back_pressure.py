"""The limits of the queue, and the Retry-After of a request beyond them."""

import pytest

from jobs import keyspace
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import Deadlines, NewRequest
from jobs.lifecycle.moves import Failure, QueueFull
from jobs.lifecycle.status import FailureCode
from jobs.lifecycle.transitions import Transitions
from tests.asking import OUTPUT, claim_request

ID = "5476801e-1a31-4475-8dbb-58e6b9ddfa68"
OTHER = "5476801e-1a31-4475-8dbb-58e6b9ddfa69"


@pytest.fixture
def create(redis, settings, key_id):
    """Makes requests named by numbers, under these settings."""

    def create(
        *names: object, of: str = key_id, deadlines: Deadlines | None = None, **bounds: object
    ) -> None:
        transitions = Transitions(redis, settings.model_copy(update=bounds))
        for name in names:
            transitions.create(NewRequest(str(name), of, {}, deadlines=deadlines))

    return create


@pytest.fixture
def work(redis, settings):
    """Workers of RQ, and how long each takes for a job."""

    def work(workers: int, took_ms: float) -> None:
        redis.hset(keyspace.PACE, "job", took_ms)
        for number in range(workers):
            redis.sadd(keyspace.RQ_WORKERS, f"rq:worker:{number}")

    return work


def test_a_request_beyond_the_queue_limit_is_refused_and_creates_nothing(redis, create):
    create(*range(3), max_waiting=3)

    with pytest.raises(QueueFull) as refused:
        create("one too many", max_waiting=3)

    assert (refused.value.scope, refused.value.limit) == ("all", 3)
    assert not redis.exists(keyspace.request("one too many"))
    assert redis.zcard(keyspace.WAITING) == 3


def test_a_key_has_its_own_queue_limit(redis, create):
    create(*range(3), max_waiting_per_key=3)

    with pytest.raises(QueueFull) as refused:
        create("one too many", max_waiting_per_key=3)
    create("of another", of=ApiKeys(redis).create("another")[0].key_id, max_waiting_per_key=3)

    assert (refused.value.scope, refused.value.limit) == ("key", 3)


@pytest.mark.parametrize("way", ["claimed", "cancelled", "expired", "revoked"])
def test_a_request_that_leaves_the_queue_frees_capacity(redis, settings, create, key_id, way):
    transitions = Transitions(redis, settings)
    create(ID, max_waiting_per_key=1)

    match way:
        case "claimed":
            claim_request(transitions, ID)
            transitions.retry(ID, 1, Failure(FailureCode.INTERNAL, "broken"))
            claim_request(transitions, ID)
        case "cancelled":
            transitions.cancel(ID, Failure(FailureCode.CANCELLED, "cancelled"))
        case "expired":
            redis.zadd(keyspace.DEADLINES, {ID: 1})
            transitions.expire(ID)
        case "revoked":
            ApiKeys(redis).revoke(key_id)
            claim_request(transitions, ID)
            assert not redis.exists(keyspace.api_key(key_id))
            return

    assert not redis.exists(keyspace.key_queue(key_id), keyspace.TURNS, keyspace.LAST_TURNS)
    create("b", max_waiting_per_key=1)


def test_requests_that_cannot_start_in_time_are_refused(create, work):
    work(workers=2, took_ms=1000)
    create(*range(20), deadlines=Deadlines(10, 60))

    with pytest.raises(QueueFull) as refused:
        create("one too many", deadlines=Deadlines(10, 60))
    create("a patient one", deadlines=Deadlines(20, 60))

    assert (refused.value.scope, refused.value.limit) == ("time", 20)


def test_retry_after_follows_the_pace_of_the_queue(create, work):
    create(*range(100))
    waits = []
    for workers, took_ms in ((1, 2000), (4, 2000), (4, 100_000), (4, 1)):
        work(workers, took_ms)
        with pytest.raises(QueueFull) as refused:
            create("one too many", max_waiting=100)
        waits.append(refused.value.retry_after_s)

    assert waits == [10, 3, 125, 1]


def test_the_pace_is_the_average_time_a_request_occupies_a_worker(redis, settings, create):
    transitions = Transitions(redis, settings)
    create(ID, OTHER)
    claim_request(transitions, ID)
    transitions.complete(ID, 1, OUTPUT, {"fetch": 3}, occupied_s=0.4)
    assert float(redis.hget(keyspace.PACE, "job")) == 400

    claim_request(transitions, OTHER)
    transitions.fail(OTHER, 1, Failure(FailureCode.INTERNAL, "broken"), {}, occupied_s=0.2)
    assert 200 < float(redis.hget(keyspace.PACE, "job")) < 400
