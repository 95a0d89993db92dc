"""A batch whose process dies is completed or dropped."""

import asyncio
import multiprocessing
import time

import pytest
from redis import Redis

from jobs import keyspace
from jobs.batches.opening import STAGE_MAX_REQUESTS, BatchDropped
from jobs.batches.progress import IDLE_FOR_S, OPEN_FOR_S, REQUESTS_PER_CALL
from jobs.lifecycle.status import FailureCode, Status
from jobs.maintenance.reconciler import Reconciler
from jobs.webhooks.deliveries import Deliveries
from tests.asking import LEASE_OWNER, OUTPUT, claim_request, queued
from tests.jobs.batches.conftest import Desk, requests

MANY = 2 * STAGE_MAX_REQUESTS + 5
FORKED = multiprocessing.get_context("fork")  # the modules are loaded


@pytest.fixture
def round_when_due(redis, settings):
    """Makes all open batches due, and runs a round of the reconciler."""

    def go() -> None:
        redis.zadd(keyspace.OPEN_BATCHES, dict.fromkeys(redis.zrange(keyspace.OPEN_BATCHES, 0, -1), 1))
        Reconciler(redis, settings).round()

    return go


def is_whole(desk, redis, batch_id, count):
    records = len(redis.keys(keyspace.request("*")))
    batch = desk.batch(batch_id)
    counts = (
        batch.total,
        batch.entered,
        records,
        redis.zcard(keyspace.WAITING),
        len(queued(redis, desk.key_id)),
    )
    assert counts == (count,) * 5
    assert len(set(desk.ids(batch_id))) == count
    assert queued(redis, desk.key_id) == desk.ids(batch_id)
    assert redis.zcard(keyspace.key_queue(desk.key_id)) == redis.zcard(keyspace.TURNS) == count
    assert redis.hget(keyspace.api_key(desk.key_id), "entering") == redis.get(keyspace.ENTERING) == b"0"
    return True


def nothing_is_left(redis):
    return not [name for name in redis.keys("*") if b":key" not in name]


def test_a_batch_that_was_never_accepted_is_dropped_after_a_while(desk, redis, settings, round_when_due):
    batch_id = desk.stage(requests(MANY))
    seconds, _ = redis.time()
    assert redis.zscore(keyspace.OPEN_BATCHES, batch_id) / 1000 == pytest.approx(seconds + OPEN_FOR_S, abs=5)

    Reconciler(redis, settings).round()
    assert len(redis.keys(keyspace.request("*"))) == MANY, "it may still be arriving"
    round_when_due()

    assert nothing_is_left(redis)


def test_later_requests_give_a_batch_no_more_time(desk, redis):
    async def stage():
        batch = await desk._open()
        await batch.add(requests(STAGE_MAX_REQUESTS))
        redis.zadd(keyspace.OPEN_BATCHES, {batch.batch_id: 1})
        await batch.add(requests(STAGE_MAX_REQUESTS))
        return batch.batch_id

    assert redis.zscore(keyspace.OPEN_BATCHES, asyncio.run(stage())) == 1


def test_a_half_dropped_batch_is_dropped_by_another_process(redis, desk, progress, round_when_due):
    batch_id = desk.stage(requests(MANY))

    assert progress._drop(args=[batch_id, REQUESTS_PER_CALL]) == MANY - REQUESTS_PER_CALL
    round_when_due()

    assert nothing_is_left(redis)


def test_requests_after_the_drop_are_refused_and_leave_nothing(desk, redis, progress):
    def sent(meanwhile):
        yield from requests(STAGE_MAX_REQUESTS)
        meanwhile(redis.zrange(keyspace.OPEN_BATCHES, 0, -1)[0].decode())
        yield from requests(STAGE_MAX_REQUESTS)

    half_dropped = lambda batch_id: progress._drop(args=[batch_id, 1])  # noqa: E731
    for meanwhile in (progress.drop, half_dropped):
        with pytest.raises(BatchDropped):
            desk.accept(sent(meanwhile))

        assert nothing_is_left(redis)


def test_a_dropped_batch_is_not_accepted(desk, redis, progress):
    def sent():
        yield from requests(STAGE_MAX_REQUESTS)
        progress.drop(redis.zrange(keyspace.OPEN_BATCHES, 0, -1)[0].decode())

    with pytest.raises(BatchDropped):
        desk.accept(sent())

    assert nothing_is_left(redis)


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_the_reconciler_queues_requests_whose_api_died(desk, redis, progress, round_when_due, calls):
    batch_id = desk.accept_and_die(requests(MANY))
    for _ in range(calls):
        progress._enter(args=[batch_id, REQUESTS_PER_CALL])
    assert desk.counts(batch_id) == (MANY, 0, 0, 0), "it is accepted as a whole"
    assert len(desk.ids(batch_id)) == calls * REQUESTS_PER_CALL

    round_when_due()

    assert is_whole(desk, redis, batch_id, MANY)


def test_an_accepted_batch_is_left_to_its_api_for_a_moment(desk, redis, settings):
    batch_id = desk.accept_and_die(requests(MANY))

    Reconciler(redis, settings).round()

    assert desk.batch(batch_id).entered == 0
    seconds, _ = redis.time()
    assert redis.zscore(keyspace.OPEN_BATCHES, batch_id) / 1000 <= seconds + 1 + IDLE_FOR_S


def test_two_processes_that_continue_a_batch_queue_each_request_once(desk, redis, progress):
    batch_id = desk.accept_and_die(requests(MANY))

    while progress._enter(args=[batch_id, 3]):
        progress._enter(args=[batch_id, 2])
    progress.enqueue(batch_id)

    assert is_whole(desk, redis, batch_id, MANY)


def test_requests_start_while_others_are_still_entering(desk, redis, transitions, progress, round_when_due):
    batch_id = desk.accept_and_die(requests(MANY))
    progress._enter(args=[batch_id, REQUESTS_PER_CALL])

    claims = transitions.claim(LEASE_OWNER, limit=REQUESTS_PER_CALL)
    for claim in claims:
        transitions.complete(claim.request_id, claim.attempt, OUTPUT, {})
    assert desk.counts(batch_id) == (MANY - REQUESTS_PER_CALL, 0, REQUESTS_PER_CALL, 0)
    assert not desk.batch(batch_id).has_ended
    round_when_due()

    assert desk.batch(batch_id).entered == MANY
    assert desk.counts(batch_id) == (MANY - REQUESTS_PER_CALL, 0, REQUESTS_PER_CALL, 0)


def test_late_requests_fail_although_they_were_never_queued(
    desk, redis, settings, transitions, round_when_due
):
    """Their time begins when the batch is accepted."""
    batch_id = desk.accept_and_die(requests(5))
    redis.hset(keyspace.batch(batch_id), "start_by", 1)

    round_when_due()
    round_when_due()

    batch = desk.batch(batch_id)
    assert (batch.status, batch.failed) == (Status.COMPLETED, 5)
    assert {transitions.read(each).code for each in desk.ids(batch_id)} == {FailureCode.TIMEOUT}


def test_a_full_redis_queues_an_accepted_batch(desk, redis, round_when_due):
    batch_id = desk.accept_and_die(requests(MANY))
    due = {batch_id: 1}
    redis.zadd(keyspace.OPEN_BATCHES, due)
    redis.config_set("maxmemory", "1")
    try:
        Reconciler(redis, desk.settings).round()
    finally:
        redis.config_set("maxmemory", "0")

    assert is_whole(desk, redis, batch_id, MANY)


@pytest.mark.parametrize(("gone", "counts"), [(False, (0, 0, 2, 1)), (True, (0, 0, 1, 2))])
def test_ends_that_an_older_worker_did_not_count_are_found_after_the_deadline(
    desk, redis, transitions, round_when_due, gone, counts
):
    """It does what this version does with a record without a batch."""
    batch_id = desk.accept(requests(3), webhook_url="https://shop.example/").batch_id
    for nth, request_id in enumerate(desk.ids(batch_id)):
        if nth:
            redis.hdel(keyspace.request(request_id), "batch")
        claim = claim_request(transitions, request_id)
        if nth == 2:
            transitions.time_out(request_id, claim.attempt)
        else:
            transitions.complete(request_id, claim.attempt, OUTPUT, {})
        if nth and gone:
            redis.delete(keyspace.request(request_id))
    assert desk.counts(batch_id) == (2, 0, 1, 0)

    round_when_due()

    assert (desk.counts(batch_id), desk.batch(batch_id).has_ended) == (counts, True)
    assert redis.zcard(keyspace.OPEN_BATCHES) == 0
    assert Deliveries(redis).find(batch_id) is not None


def test_a_cancelled_batch_ends_although_one_end_was_not_counted(desk, redis, progress, round_when_due):
    batch_id = desk.accept(requests(3)).batch_id
    progress.cancel(batch_id)
    redis.hincrby(keyspace.batch(batch_id), "queued", 1)
    redis.hincrby(keyspace.batch(batch_id), "failed", -1)
    redis.hdel(keyspace.batch(batch_id), "finished_at")
    redis.zadd(keyspace.OPEN_BATCHES, {batch_id: 1})

    round_when_due()

    batch = desk.batch(batch_id)
    assert (batch.has_ended, batch.queued, batch.failed) == (True, 0, 3)


def test_a_check_does_not_change_a_running_batch(desk, redis, transitions, round_when_due):
    batch_id = desk.accept(requests(3)).batch_id
    claim_request(transitions, desk.ids(batch_id)[0])

    round_when_due()

    assert desk.counts(batch_id) == (2, 1, 0, 0)
    seconds, _ = redis.time()
    assert redis.zscore(keyspace.OPEN_BATCHES, batch_id) / 1000 > seconds


def test_an_entry_that_is_not_a_batch_is_removed(redis, settings):
    redis.zadd(keyspace.OPEN_BATCHES, {"no batch": 1, "5476801e-1a31-4475-8dbb-58e6b9ddfa68": 1})

    Reconciler(redis, settings).round()

    assert redis.zcard(keyspace.OPEN_BATCHES) == 0


def accept(settings, key_id):
    with Redis.from_url(settings.effective_redis_url) as redis:
        Desk(redis, settings, key_id).accept(requests(2000))


KILLED_WHEN = {
    "some are staged": lambda redis, names: names and 0 < redis.llen(names[0]) < 2000,
    "all are staged": lambda redis, names: names and redis.llen(names[0]) == 2000,
    "some have entered": lambda redis, names: names and redis.zcard(keyspace.WAITING) > 0,
    "half have entered": lambda redis, names: names and redis.zcard(keyspace.WAITING) > 1000,
}


@pytest.mark.parametrize("when", KILLED_WHEN)
def test_a_batch_is_whole_or_not_at_all_whenever_its_process_is_killed(
    desk, redis, settings, round_when_due, when
):
    process = FORKED.Process(target=accept, args=(settings, desk.key_id))
    process.start()
    try:
        while not KILLED_WHEN[when](redis, redis.keys(keyspace.batch_requests("*"))):
            assert process.is_alive()
            time.sleep(0.0005)
    finally:
        process.kill()
        process.join()
    [name] = redis.keys(keyspace.batch_requests("*"))
    batch_id = name.decode().rpartition(":")[2]
    was_accepted = desk.read("batch", batch_id) is not None

    round_when_due()

    assert is_whole(desk, redis, batch_id, 2000) if was_accepted else nothing_is_left(redis)
    assert was_accepted or when in ("some are staged", "all are staged")
