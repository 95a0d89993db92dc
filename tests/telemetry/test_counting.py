"""Each change of a request is counted once, by the process that makes it."""

import pytest

from jobs import keyspace
from jobs.cancellation import Cancellation
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.moves import Failure, IllegalMove
from jobs.lifecycle.output import Output
from jobs.lifecycle.status import FailureCode
from jobs.lifecycle.transitions import Transitions
from jobs.queries.queue_state import read_queue_state
from telemetry.metrics import REGISTRY
from tests.asking import LEASE_OWNER, accept, asked

URL = "https://shop.example/shirt.jpg"
OUTPUT = Output("token", "outputs/20300101T0000/token", "image/png", 10, 4, 3)
FAULT = Failure(FailureCode.FETCH_FAILED, "no answer")


class Counted:
    """What was counted since this was made."""

    def __init__(self) -> None:
        self._before = self._all()

    def _all(self) -> dict[tuple[str, ...], float]:
        return {
            (sample.name.removeprefix("superimpose_"), *sample.labels.values()): sample.value
            for family in REGISTRY.collect()
            for sample in family.samples
        }

    def __call__(self, *key: str) -> float:
        return self._all().get(key, 0) - self._before.get(key, 0)


@pytest.fixture
def transitions(redis, settings):
    return Transitions(redis, settings)


@pytest.fixture
def paying(redis):
    return ApiKeys(redis).create("shop", KeyOptions(credits=10))[0].key_id


@pytest.fixture
def submit(redis, settings, paying):
    return lambda **more: (
        accept(
            settings, asked(settings, paying, {"base_image": URL, "overlay_image": URL}, **more)
        ).request_id
    )


@pytest.fixture
def counted():
    return Counted()


def test_a_request_is_accepted_once_and_completed_once(counted, submit, transitions):
    first = submit(idempotency_key="once")
    assert submit(idempotency_key="once") == first
    (claim,) = transitions.claim(LEASE_OWNER)
    transitions.complete(first, claim.attempt, OUTPUT, {"compose": 0.02, "cache_hits": 1})
    with pytest.raises(IllegalMove):
        transitions.complete(first, claim.attempt, OUTPUT, {"compose": 0.02})

    assert counted("requests_accepted_total") == 1
    assert counted("requests_finished_total", "COMPLETED", "") == 1
    assert counted("stage_seconds_count", "compose") == 1
    assert counted("stage_seconds_sum", "compose") == pytest.approx(0.02)
    assert counted("stage_seconds_count", "queue_wait") == counted("stage_seconds_count", "total") == 1
    assert [counted("credits_total", event) for event in ("held", "settled", "released")] == [1, 1, 0]


def test_a_cancelled_request_is_failed_and_its_credits_are_released(counted, redis, settings, submit):
    Cancellation(redis, settings).cancel(submit())

    assert counted("requests_finished_total", "FAILED", "cancelled") == 1
    assert [counted("credits_total", event) for event in ("held", "settled", "released")] == [1, 0, 1]


def test_attempts_are_retries_until_the_last_one_fails(counted, settings, submit, transitions):
    request_id = submit()
    for _ in range(settings.max_attempts - 1):
        (claim,) = transitions.claim(LEASE_OWNER)
        transitions.retry(request_id, claim.attempt, FAULT)
    (claim,) = transitions.claim(LEASE_OWNER)
    with pytest.raises(IllegalMove):
        transitions.retry(request_id, claim.attempt, FAULT)

    assert counted("retries_total", "fetch_failed") == settings.max_attempts - 1
    assert counted("requests_finished_total", "FAILED", "fetch_failed") == 1


def test_a_reclaimed_job_is_a_redelivery(counted, submit, transitions):
    request_id = submit()
    (claim,) = transitions.claim(LEASE_OWNER)
    transitions.reclaim(request_id, str(claim.attempt))

    assert counted("redeliveries_total") == 1
    assert counted("requests_finished_total", "FAILED", "worker_lost") == 0


def test_a_request_that_times_out_in_the_queue_is_counted(counted, redis, submit, transitions):
    request_id = submit()
    redis.zadd(keyspace.DEADLINES, {request_id: 1})
    assert transitions.claim(LEASE_OWNER) == []

    assert counted("requests_finished_total", "FAILED", "timeout") == 1


def test_the_state_of_the_queue(redis, submit, transitions):
    assert read_queue_state(redis).oldest_waiting_s == 0
    first, second, _ = submit(), submit(), submit()
    redis.zincrby(keyspace.WAITING, -60_000, second)
    assert [claim.request_id for claim in transitions.claim(LEASE_OWNER)] == [first]
    redis.sadd(keyspace.RQ_WORKERS, "rq:worker:idle", "rq:worker:busy", "rq:worker:gone")
    redis.hset("rq:worker:idle", "state", "idle")
    redis.hset("rq:worker:busy", "state", "busy")
    redis.sadd(keyspace.RQ_ALL_WORKERS, "rq:worker:of-another-application")
    redis.hset("rq:worker:of-another-application", "state", "busy")

    state = read_queue_state(redis)

    assert (state.waiting, state.processing) == (2, 1)
    assert 60 <= state.oldest_waiting_s < 120
    assert state.workers == {"idle": 1, "busy": 1}
    assert state.memory_bytes > 0
    assert state.memory_max_bytes == 0
