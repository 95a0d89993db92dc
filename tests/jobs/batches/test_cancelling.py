"""Cancelling a batch: queued requests end, running ones continue."""

import pytest

from jobs import keyspace
from jobs.batches.progress import REQUESTS_PER_CALL
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.moves import IllegalMove
from jobs.lifecycle.status import FailureCode, Status
from jobs.maintenance.reconciler import Reconciler
from tests.asking import LEASE_OWNER, OUTPUT, accept, asked, claim_request, queued, rq_queue
from tests.jobs.batches.conftest import Desk, requests

MANY = 2 * REQUESTS_PER_CALL + 5


@pytest.fixture
def flag(redis, progress):
    """Cancels a batch, as a process that dies before it ends a request."""

    def flag(batch_id: str) -> None:
        assert progress._cancel(args=[batch_id]) > 0

    return flag


def codes(transitions, ids):
    return {transitions.read(each).code for each in ids}


def test_queued_requests_end_and_free_their_credits_and_turns(desk, redis, transitions, progress):
    keys = ApiKeys(redis)
    rich = Desk(redis, desk.settings, keys.create("rich", KeyOptions(credits=MANY))[0].key_id)
    batch_id = rich.accept(requests(MANY)).batch_id

    progress.cancel(batch_id)

    batch, key = rich.batch(batch_id), keys.get(rich.key_id)
    assert (batch.cancelled, batch.status, batch.failed) == (True, Status.COMPLETED, MANY)
    assert codes(transitions, rich.ids(batch_id)) == {FailureCode.CANCELLED}
    assert (key.credits, key.held, redis.zcard(keyspace.key_queue(rich.key_id))) == (MANY, 0, 0)
    assert queued(redis, rich.key_id) == []
    assert redis.zcard(keyspace.TURNS) == 0
    assert redis.zcard(keyspace.WAITING) == redis.zcard(keyspace.DEADLINES) == 0


def test_a_running_request_continues_and_its_end_is_that_of_the_batch(desk, transitions, progress):
    batch_id = desk.accept(requests(MANY)).batch_id
    running, *waiting = desk.ids(batch_id)
    claim = claim_request(transitions, running)

    progress.cancel(batch_id)
    assert desk.counts(batch_id) == (0, 1, 0, MANY - 1)
    assert not desk.batch(batch_id).has_ended
    transitions.complete(running, claim.attempt, OUTPUT, {})

    batch = desk.batch(batch_id)
    assert (batch.status, batch.cancelled, batch.completed) == (Status.COMPLETED, True, 1)
    assert codes(transitions, waiting) == {FailureCode.CANCELLED}


def test_a_request_that_had_started_may_be_retried(desk, transitions, redis, progress):
    batch_id = desk.accept(requests(3)).batch_id
    running = desk.ids(batch_id)[0]
    claim_request(transitions, running)
    progress.cancel(batch_id)

    redis.zadd(keyspace.LEASES, {running: 1})
    transitions.reclaim(running)
    transitions.complete(running, claim_request(transitions, running).attempt, OUTPUT, {})

    assert desk.counts(batch_id) == (0, 0, 1, 2)


def test_a_second_cancellation_changes_nothing(desk, transitions, progress):
    batch_id = desk.accept(requests(3)).batch_id
    running = desk.ids(batch_id)[0]
    claim_request(transitions, running)
    progress.cancel(batch_id)
    before = desk.batch(batch_id)

    progress.cancel(batch_id)

    assert desk.batch(batch_id) == before


def test_an_ended_batch_is_terminal_and_an_unknown_one_missing(desk, transitions, progress):
    batch_id = desk.accept(requests(1)).batch_id
    [request_id] = desk.ids(batch_id)
    transitions.complete(request_id, claim_request(transitions, request_id).attempt, OUTPUT, {})
    before = desk.batch(batch_id)

    with pytest.raises(IllegalMove, match="terminal"):
        progress.cancel(batch_id)
    with pytest.raises(IllegalMove, match="missing"):
        progress.cancel("5476801e-1a31-4475-8dbb-58e6b9ddfa68")
    with pytest.raises(IllegalMove, match="missing"):
        progress.cancel(desk.stage(requests(1)))

    assert desk.batch(batch_id) == before


def test_other_requests_are_not_cancelled(desk, settings, key_id, transitions, progress):
    alone = accept(settings, asked(settings, key_id)).request_id
    cancelled, other = (desk.accept(requests(3)).batch_id for _ in range(2))

    progress.cancel(cancelled)

    assert desk.counts(other) == (3, 0, 0, 0)
    assert transitions.read(alone).status is Status.QUEUED


def test_a_worker_starts_no_request_of_a_cancelled_batch(desk, transitions, flag):
    """Even before the cancelling process reaches them."""
    batch_id = desk.accept(requests(3)).batch_id
    ids = desk.ids(batch_id)
    claim_request(transitions, ids[0])
    flag(batch_id)

    assert transitions.claim(LEASE_OWNER, limit=3, holding=[ids[0]]) == []

    assert desk.counts(batch_id) == (0, 1, 0, 2)
    assert codes(transitions, ids[1:]) == {FailureCode.CANCELLED}


@pytest.mark.parametrize("has_entered", [True, False])
def test_the_reconciler_continues_a_cancellation_whose_process_died(desk, redis, settings, flag, has_entered):
    batch_id = desk.accept(requests(MANY)).batch_id if has_entered else desk.accept_and_die(requests(MANY))
    flag(batch_id)
    redis.zadd(keyspace.OPEN_BATCHES, {batch_id: 1})

    Reconciler(redis, settings).run_once()

    batch = desk.batch(batch_id)
    assert (batch.failed, batch.has_ended, batch.entered) == (MANY, True, MANY)
    assert redis.zcard(keyspace.OPEN_BATCHES) == 0


def test_a_cancelled_batch_that_still_runs_is_not_checked_each_second(
    desk, redis, transitions, settings, progress
):
    batch_id = desk.accept(requests(3)).batch_id
    claim_request(transitions, desk.ids(batch_id)[0])
    progress.cancel(batch_id)

    due_ms = redis.zscore(keyspace.OPEN_BATCHES, batch_id)

    seconds, _ = redis.time()
    assert due_ms / 1000 > seconds + settings.job_timeout_s


@pytest.mark.parametrize("place", [0, 1, 2])
def test_other_requests_in_the_queue_of_a_key_keep_their_order(desk, redis, progress, place):
    batches = [desk.accept(requests(MANY)).batch_id for _ in range(3)]
    left = [request_id for nth, each in enumerate(batches) if nth != place for request_id in desk.ids(each)]

    progress.cancel(batches[place])

    assert queued(redis, desk.key_id) == left
    assert redis.zrange(keyspace.key_queue(desk.key_id), 0, -1) == [each.encode() for each in left]
    assert redis.zcard(keyspace.TURNS) == redis.zcard(keyspace.WAITING) == 2 * MANY


def test_requests_leave_a_queue_of_rq_that_has_another_order(desk, redis, progress):
    batch_id = desk.accept(requests(3)).batch_id
    other = desk.accept(requests(2)).batch_id
    first, *_ = desk.ids(batch_id)
    queue = rq_queue(redis, desk.key_id).key
    redis.lrem(queue, 1, first)
    redis.rpush(queue, first)

    progress.cancel(batch_id)

    assert queued(redis, desk.key_id) == desk.ids(other)
