"""The counts of a batch under every move of its requests, and its end with the last of them."""

import json
from collections.abc import Callable

import pytest
from redis import Redis

from jobs import keyspace
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.moves import Failure, IllegalMove
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import Transitions
from jobs.maintenance.reconciler import Reconciler
from tests.asking import LEASE_OWNER, OUTPUT, claim_request
from tests.jobs.batches.conftest import requests
from tests.redis.recording import recording

BROKEN = Failure(FailureCode.INTERNAL, "broken")
MAX_ATTEMPTS = 3  # by default
ALONE = "5476801e-1a31-4475-8dbb-58e6b9ddfa68"

Ends = Callable[[Transitions, Redis, str], None]


def completed(transitions: Transitions, _: Redis, request_id: str) -> None:
    transitions.complete(request_id, claim_request(transitions, request_id).attempt, OUTPUT, {})


def failed(transitions: Transitions, _: Redis, request_id: str) -> None:
    transitions.fail(request_id, claim_request(transitions, request_id).attempt, BROKEN, {})


def timed_out(transitions: Transitions, _: Redis, request_id: str) -> None:
    transitions.time_out(request_id, claim_request(transitions, request_id).attempt)


def cancelled(transitions: Transitions, _: Redis, request_id: str) -> None:
    transitions.cancel(request_id, BROKEN)


def cancelled_at_work(transitions: Transitions, _: Redis, request_id: str) -> None:
    claim_request(transitions, request_id)
    transitions.cancel(request_id, BROKEN)


def expired(transitions: Transitions, redis: Redis, request_id: str) -> None:
    redis.zadd(keyspace.DEADLINES, {request_id: 1})
    transitions.expire(request_id)


def swept(transitions: Transitions, redis: Redis, request_id: str) -> None:
    redis.zadd(keyspace.DEADLINES, {request_id: 1})
    assert transitions.sweep([request_id]) == [request_id]


def claimed_too_late(transitions: Transitions, redis: Redis, request_id: str) -> None:
    redis.zadd(keyspace.DEADLINES, {request_id: 1})
    with pytest.raises(LookupError):
        claim_request(transitions, request_id)


def tried_again_in_vain(transitions: Transitions, _: Redis, request_id: str) -> None:
    claim = claim_request(transitions, request_id)
    with pytest.raises(IllegalMove, match="late"):
        transitions.retry(request_id, claim.attempt, BROKEN, delay_s=86_400)


def lost_again_and_again(transitions: Transitions, redis: Redis, request_id: str) -> None:
    def lose() -> None:
        claim_request(transitions, request_id)
        redis.zadd(keyspace.LEASES, {request_id: 1})
        transitions.reclaim(request_id)

    for _ in range(MAX_ATTEMPTS - 1):
        lose()
    with pytest.raises(IllegalMove, match="exhausted"):
        lose()


ENDS: list[tuple[Ends, tuple[int, int]]] = [
    (completed, (1, 0)),
    (failed, (0, 1)),
    (timed_out, (0, 1)),
    (cancelled, (0, 1)),
    (cancelled_at_work, (0, 1)),
    (expired, (0, 1)),
    (swept, (0, 1)),
    (claimed_too_late, (0, 1)),
    (tried_again_in_vain, (0, 1)),
    (lost_again_and_again, (0, 1)),
]


@pytest.mark.parametrize(("end", "counts"), ENDS, ids=lambda each: getattr(each, "__name__", ""))
def test_each_end_of_a_request_is_counted_once_and_the_last_ends_the_batch(
    desk, transitions, redis, settings, end, counts
):
    batch_id = desk.accept(requests(2)).batch_id
    first, last = desk.ids(batch_id)

    completed(transitions, redis, first)
    before = desk.batch(batch_id)
    end(transitions, redis, last)

    after = desk.batch(batch_id)
    assert (before.completed, before.queued, before.status) == (1, 1, Status.PROCESSING)
    assert not before.has_ended
    assert (after.queued, after.processing) == (0, 0)
    assert (after.completed - 1, after.failed) == counts
    assert after.status is Status.COMPLETED
    record = transitions.read(last)
    assert (after.finished_at, after.expires_at) == (record.finished_at, record.expires_at)


def test_a_batch_is_processing_from_the_first_claim_to_the_last_end(desk, transitions):
    batch_id = desk.accept(requests(3)).batch_id
    first, *_ = desk.ids(batch_id)
    states = [desk.batch(batch_id).status]

    claim_request(transitions, first)
    states.append(desk.batch(batch_id).status)
    assert desk.counts(batch_id) == (2, 1, 0, 0)
    transitions.complete(first, 1, OUTPUT, {})
    states.append(desk.batch(batch_id).status)

    assert desk.counts(batch_id) == (2, 0, 1, 0)
    assert states == [Status.QUEUED, Status.PROCESSING, Status.PROCESSING]


@pytest.mark.parametrize("way", ["retry", "delayed", "give_back", "reclaim"])
def test_a_retried_request_is_counted_once(desk, transitions, redis, way):
    batch_id = desk.accept(requests(2)).batch_id
    request_id = desk.ids(batch_id)[0]
    claim_request(transitions, request_id)

    match way:
        case "retry":
            transitions.retry(request_id, 1, BROKEN)
        case "delayed":
            transitions.retry(request_id, 1, BROKEN, delay_s=1)
            transitions.promote(request_id)
        case "give_back":
            transitions.give_back(request_id, 1)
        case "reclaim":
            redis.zadd(keyspace.LEASES, {request_id: 1})
            transitions.reclaim(request_id)
    assert desk.counts(batch_id) == (1, 1, 0, 0)
    claim_request(transitions, request_id)
    assert desk.counts(batch_id) == (1, 1, 0, 0)

    transitions.complete(request_id, 2, OUTPUT, {})
    assert desk.counts(batch_id) == (1, 0, 1, 0)


def test_a_refused_move_changes_no_count(desk, transitions):
    batch_id = desk.accept(requests(2)).batch_id
    request_id = desk.ids(batch_id)[0]
    claim_request(transitions, request_id)
    transitions.complete(request_id, 1, OUTPUT, {})

    for move in (
        lambda: transitions.complete(request_id, 1, OUTPUT, {}),
        lambda: transitions.fail(request_id, 1, BROKEN, {}),
        lambda: transitions.cancel(request_id, BROKEN),
    ):
        with pytest.raises(IllegalMove):
            move()

    assert desk.counts(batch_id) == (1, 0, 1, 0)


def test_moves_of_several_batches_in_one_call_are_counted_separately(desk, transitions, redis):
    batches = [desk.accept(requests(3)).batch_id for _ in range(2)]
    claims = transitions.claim(LEASE_OWNER, limit=6)
    together = transitions.pipeline()

    for claim in claims:
        together.complete(claim.request_id, claim.attempt, OUTPUT, {})
    together.send()

    assert [desk.counts(batch_id) for batch_id in batches] == [(0, 0, 3, 0)] * 2
    assert all(desk.batch(batch_id).has_ended for batch_id in batches)


def test_counts_stay_correct_when_a_machine_dies(desk, transitions, redis, settings):
    batch_id = desk.accept(requests(4)).batch_id
    gone = LeaseOwner("gone", "another-machine", "1 1")
    claimed = [claim_request(transitions, each, gone).request_id for each in desk.ids(batch_id)[:2]]
    redis.zadd(keyspace.LEASES, dict.fromkeys(claimed, 1))

    Reconciler(redis, settings).run_once()
    for claim in transitions.claim(LEASE_OWNER, limit=4):
        transitions.complete(claim.request_id, claim.attempt, OUTPUT, {})

    assert desk.counts(batch_id) == (0, 0, 4, 0)


def test_the_end_of_a_batch_is_published_once_after_that_of_its_last_request(desk, transitions, redis):
    batch_id = desk.accept(requests(2)).batch_id
    first, last = desk.ids(batch_id)
    with redis.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe(keyspace.CHANGES)
        subscription.get_message(timeout=1)

        completed(transitions, redis, first)
        completed(transitions, redis, last)

        published = [subscription.get_message(timeout=1)["data"].decode() for _ in range(5)]
        assert subscription.get_message(timeout=0.1) is None
    assert published[-2:] == [f"{last} COMPLETED", f"{batch_id} COMPLETED"]


def test_a_batch_expires_with_its_last_request(desk, transitions, redis, settings):
    batch_id = desk.accept(requests(2), "same", idempotency_key="once").batch_id
    archive = desk.batch(batch_id).archive
    first, last = desk.ids(batch_id)
    completed(transitions, redis, first)
    names = [keyspace.batch(batch_id), keyspace.batch_requests(batch_id), keyspace.archive(archive)]
    [idempotency] = redis.keys(keyspace.idempotency(desk.key_id, "*"))
    assert [redis.ttl(name) for name in (*names, idempotency)] == [-1] * 4, "it is not over"

    completed(transitions, redis, last)

    times = {redis.pexpiretime(name) for name in (*names, idempotency, keyspace.request(last))}
    assert times == {round(desk.batch(batch_id).expires_at * 1000)}
    assert redis.pttl(keyspace.batches(desk.key_id)) >= settings.result_ttl_s * 1000
    assert redis.zcard(keyspace.OPEN_BATCHES) == 0


def test_a_single_request_sends_redis_no_command_about_batches(transitions, redis, key_id):
    transitions.create(NewRequest(ALONE, key_id, {}))
    with recording(redis) as commands:
        claim_request(transitions, ALONE)
        transitions.complete(ALONE, 1, OUTPUT, {})

    inside = [each["command"] for each in commands if not each["command"].startswith(("EVAL", "SCRIPT"))]
    assert inside
    assert not [each for each in inside if ":batch" in each or "archive" in each or "entering" in each]


def test_a_record_of_an_older_version_ends_normally(transitions, redis, key_id):
    """It has no `batch`, and names what this version does not know."""
    transitions.create(NewRequest(ALONE, key_id, {}))
    assert not redis.hexists(keyspace.request(ALONE), "batch")

    completed(transitions, redis, ALONE)

    assert transitions.read(ALONE).status is Status.COMPLETED


def test_a_missing_batch_does_not_block_its_requests(desk, transitions, redis):
    batch_id = desk.accept(requests(2)).batch_id
    first, last = desk.ids(batch_id)
    redis.delete(keyspace.batch(batch_id))
    completed(transitions, redis, first)
    redis.set(keyspace.batch(batch_id), "another type")
    completed(transitions, redis, last)

    assert [transitions.read(each).status for each in (first, last)] == [Status.COMPLETED] * 2
    assert redis.get(keyspace.batch(batch_id)) == b"another type"


def test_a_request_and_its_batch_may_have_different_webhooks(desk, redis):
    own = {"webhook_url": "https://one.example/", "webhook_events": ["failed"]}
    batch_id = desk.accept(requests(1, **own), webhook_url="https://all.example/").batch_id

    [request_id] = desk.ids(batch_id)

    of_request = json.loads(redis.hget(keyspace.request(request_id), "webhook"))
    of_batch = json.loads(redis.hget(keyspace.batch(batch_id), "webhook"))
    assert (of_request["url"], of_request.get("completed"), of_request["failed"]) == (
        "https://one.example/",
        None,
        True,
    )
    assert (of_batch["url"], of_batch["completed"]) == ("https://all.example/", True)
