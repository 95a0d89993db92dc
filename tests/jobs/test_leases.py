"""Leases: their owner and length, and requests whose owner is gone."""

import time

import pytest

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.creation import GRACE_S, Deadlines, NewRequest
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.move_script import UNSTARTED
from jobs.lifecycle.moves import Failure, IllegalMove
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import Transitions
from jobs.queue.rq import open_queue
from tests.asking import LEASE_OWNER, OUTPUT, claim_request, rq_queue

ID = "5476801e-1a31-4475-8dbb-58e6b9ddfa68"
ANOTHER = LeaseOwner("another-worker", "another-machine", "2 2")
BROKEN = Failure(FailureCode.FETCH_FAILED, "broke off")


@pytest.fixture
def queued(redis, transitions, key_id):
    """A request that waits."""
    transitions.create(NewRequest(ID, key_id, {}))


@pytest.fixture
def take(transitions, queued):
    """Claims the request."""

    def take(owner: LeaseOwner = LEASE_OWNER) -> int:
        return claim_request(transitions, ID, owner).attempt

    return take


@pytest.fixture
def read(transitions):
    return lambda: transitions.read(ID)


@pytest.fixture
def lapse(redis):
    """Has the lease run out."""
    return lambda: redis.zadd(keyspace.LEASES, {ID: 1}, xx=True)


def in_queue(redis) -> list[str]:
    return open_queue(redis).job_ids


def test_a_claim_lasts_until_its_lease_expires_and_a_heartbeat_renews_it(redis, transitions, settings, take):
    before = time.time()
    take()
    first = redis.zscore(keyspace.LEASES, ID)
    assert before - 1 <= first / 1000 - settings.lease_s <= time.time() + 1
    time.sleep(0.01)

    transitions.renew(ID, 1)

    assert redis.zscore(keyspace.LEASES, ID) > first
    redis.rpush(keyspace.RQ_QUEUE, ID)
    assert transitions.claim(ANOTHER) == []


def test_a_repeated_claim_by_the_owner_returns_the_same_attempt(transitions, take, read):
    """As when the first answer was lost."""
    take()

    assert claim_request(transitions, ID).attempt == 1
    assert read().attempts == 1


def test_a_request_with_an_expired_lease_is_claimed_next_by_another_worker(
    redis, transitions, take, read, lapse
):
    take()
    redis.rpush(keyspace.RQ_QUEUE, "another entry")
    lapse()

    transitions.reclaim(ID)

    assert in_queue(redis)[0] == ID
    assert read().status is Status.PROCESSING
    assert take(ANOTHER) == 2


def test_the_first_result_stands_and_a_later_one_is_refused(redis, transitions, take, read, lapse):
    take()
    lapse()
    transitions.reclaim(ID)
    take(ANOTHER)

    with pytest.raises(IllegalMove, match="stale"):
        transitions.complete(ID, 1, OUTPUT, {})
    transitions.complete(ID, 2, OUTPUT, {})
    with pytest.raises(IllegalMove, match="terminal"):
        transitions.complete(ID, 2, OUTPUT, {})

    assert (read().status, read().attempts) == (Status.COMPLETED, 2)


def test_a_report_after_lease_expiry_is_accepted_if_no_other_attempt_has_started(
    redis, transitions, take, read, lapse
):
    take()
    lapse()
    transitions.reclaim(ID)

    transitions.complete(ID, 1, OUTPUT, {})

    assert read().status is Status.COMPLETED
    assert in_queue(redis) == []


@pytest.mark.parametrize("move", ["renew", "retry", "give_back"])
def test_a_worker_without_its_lease_can_neither_renew_nor_requeue(redis, transitions, take, lapse, move):
    take()
    lapse()
    transitions.reclaim(ID)

    with pytest.raises(IllegalMove, match="stale"):
        getattr(transitions, move)(ID, 1, *([BROKEN] if move == "retry" else []))

    assert in_queue(redis) == [ID]


def test_a_request_that_kills_every_worker_ends_as_worker_lost(
    redis, settings, transitions, take, read, lapse
):
    for _ in range(settings.max_attempts - 1):
        take()
        lapse()
        transitions.reclaim(ID)
    take()
    lapse()

    with pytest.raises(IllegalMove, match="exhausted"):
        transitions.reclaim(ID)

    assert (read().status, read().code) == (Status.FAILED, FailureCode.WORKER_LOST)
    assert in_queue(redis) == []


def test_an_attempt_given_back_by_a_stopping_worker_does_not_count(redis, settings, transitions, take, read):
    for _ in range(settings.max_attempts + 2):
        transitions.give_back(ID, take())

    assert read().status is Status.PROCESSING
    assert in_queue(redis) == [ID]


def test_a_delayed_attempt_is_not_in_the_queue(redis, transitions, take, key_id):
    take()

    before = time.time()
    transitions.retry(ID, 1, BROKEN, delay_s=5)

    assert rq_queue(redis, key_id).job_ids == in_queue(redis) == []
    ((entry, due),) = redis.zrange(keyspace.RQ_SCHEDULED, 0, -1, withscores=True)
    assert entry.decode() == ID
    assert before + 4 <= due <= time.time() + 7
    transitions.promote(ID)
    assert rq_queue(redis, key_id).job_ids == [ID]
    assert redis.zcard(keyspace.RQ_SCHEDULED) == 0


def test_the_failure_of_the_last_attempt_is_that_of_the_request(settings, transitions, take, read):
    for _ in range(settings.max_attempts - 1):
        transitions.retry(ID, take(), BROKEN)

    with pytest.raises(IllegalMove, match="exhausted"):
        transitions.retry(ID, take(), BROKEN)

    assert (read().status, read().code, read().error) == (Status.FAILED, BROKEN.code, BROKEN.error)


def test_no_attempt_is_planned_that_could_not_start_in_time(transitions, take, read):
    take()

    with pytest.raises(IllegalMove, match="late"):
        transitions.retry(ID, 1, BROKEN, delay_s=1000)

    assert (read().status, read().code) == (Status.FAILED, BROKEN.code)


def test_a_second_entry_of_a_job_that_is_held_is_dropped(redis, transitions, take):
    take()
    redis.rpush(keyspace.RQ_QUEUE, ID)

    assert transitions.claim(ANOTHER) == []

    assert in_queue(redis) == []


def test_the_timeout_covers_all_attempts_together(redis, settings, key_id):
    transitions = Transitions(redis, settings.model_copy(update={"job_timeout_s": 60}))
    transitions.create(NewRequest(ID, key_id, {}))
    first = claim_request(transitions, ID)
    transitions.retry(ID, 1, BROKEN)
    time.sleep(0.01)

    second = claim_request(transitions, ID, ANOTHER)

    assert second.left_s < first.left_s <= 60


def test_the_time_of_an_attempt_that_was_given_back_does_not_count(
    redis, settings, transitions, key_id, read
):
    transitions.create(NewRequest(ID, key_id, {}, Deadlines(start_timeout_s=100, timeout_s=60)))
    must_start_by = redis.zscore(keyspace.DEADLINES, ID)
    claim_request(transitions, ID)
    started = read().started_at
    time.sleep(0.05)

    transitions.give_back(ID, 1)
    assert redis.zscore(keyspace.DEADLINES, ID) == must_start_by
    again = claim_request(transitions, ID, ANOTHER)

    assert again.left_s == pytest.approx(60, abs=0.02)
    assert read().started_at > started


def test_a_request_given_back_and_not_started_in_time_fails_as_not_started(redis, transitions, take, read):
    transitions.give_back(ID, take())
    redis.zadd(keyspace.DEADLINES, {ID: 1})

    transitions.expire(ID)

    assert (read().code, read().error) == (FailureCode.TIMEOUT, UNSTARTED)


def test_after_the_start_deadline_a_request_given_back_keeps_its_timeout(redis, transitions, take):
    transitions.give_back(ID, take())
    redis.hset(keyspace.request(ID), "start_by", 1)
    until = redis.zincrby(keyspace.DEADLINES, -1_000_000, ID)

    take()

    assert redis.zscore(keyspace.DEADLINES, ID) == until


def test_a_request_started_by_an_older_version_is_given_back_with_its_timeout(redis, transitions, take):
    attempt = take()
    redis.hdel(keyspace.request(ID), "start_by")
    until = redis.zscore(keyspace.DEADLINES, ID)

    transitions.give_back(ID, attempt)

    assert redis.zscore(keyspace.DEADLINES, ID) == until


@pytest.mark.parametrize("end", ["complete", "fail", "cancel", "expire"])
def test_an_ended_request_leaves_no_lease_and_nothing_in_rq(redis, transitions, take, end):
    take()
    redis.zadd(keyspace.DEADLINES, {ID: 1 if end == "expire" else time.time() * 2000})

    {
        "complete": lambda: transitions.complete(ID, 1, OUTPUT, {}),
        "fail": lambda: transitions.fail(ID, 1, BROKEN, {}),
        "cancel": lambda: transitions.cancel(ID, BROKEN),
        "expire": lambda: transitions.expire(ID),
    }[end]()

    left = {key.decode() for key in redis.scan_iter()}
    ended = keyspace.RQ_FINISHED if end == "complete" else keyspace.RQ_FAILED
    assert {key for key in left if key.startswith("rq:")} == {"rq:queues", f"rq:job:{ID}", ended}
    assert 0 < redis.ttl(f"rq:job:{ID}") <= 61
    assert not {keyspace.LEASES, keyspace.machine(LEASE_OWNER.machine)} & left


def test_rq_shows_which_worker_has_which_job(redis, transitions, take):
    redis.hset(f"rq:worker:{LEASE_OWNER.worker}", mapping={"birth": "", "state": "idle"})
    take()

    registry = open_queue(redis).started_job_registry
    assert registry.get_job_ids() == [ID]
    job = open_queue(redis).fetch_job(ID)
    assert job is not None
    assert (job.get_status(), job.worker_name) == ("started", LEASE_OWNER.worker)
    assert redis.hget(f"rq:worker:{LEASE_OWNER.worker}", "state") == b"busy"

    transitions.complete(ID, 1, OUTPUT, {})
    assert redis.hget(f"rq:worker:{LEASE_OWNER.worker}", "state") == b"idle"
    assert redis.hget(f"rq:worker:{LEASE_OWNER.worker}", "successful_job_count") == b"1"


def test_a_request_must_be_started_and_ended_within_its_own_deadlines(redis, transitions, key_id):
    transitions.create(NewRequest(ID, key_id, {}, deadlines=Deadlines(1999, 77)))
    created_ms = int(redis.hget(keyspace.request(ID), "created_at"))
    assert redis.zscore(keyspace.DEADLINES, ID) == created_ms + 1999_000

    claim = claim_request(transitions, ID)

    started_ms = int(redis.hget(keyspace.request(ID), "started_at"))
    assert redis.zscore(keyspace.DEADLINES, ID) == started_ms + (77 + GRACE_S) * 1000
    assert claim.left_s == 77


def test_a_lease_has_the_configured_length(redis, key_id):
    with pytest.raises(ValueError, match="lease_s"):
        Settings(lease_s=0)
