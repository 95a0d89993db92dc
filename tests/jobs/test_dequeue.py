"""Which requests a worker gets, and how many."""

from dataclasses import replace
from uuid import uuid4

import pytest

from jobs import keyspace
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.move_script import MAX_SKIPPED
from jobs.lifecycle.status import FailureCode
from tests import asking
from tests.asking import LEASE_OWNER, OUTPUT

ANOTHER = replace(LEASE_OWNER, worker="another-worker", process="2 2")


@pytest.fixture
def queued(transitions, key_id):
    """The ids of five QUEUED requests, in their order."""
    requests = [str(uuid4()) for _ in range(5)]
    for number, request_id in enumerate(requests):
        transitions.create(
            NewRequest(request_id, key_id, {"base_image": f"https://shop.example/{number}.jpg"})
        )
    return requests


@pytest.fixture
def workers(redis):
    """Registers this number of workers."""
    return lambda number: redis.sadd(keyspace.RQ_WORKERS, *range(number))


def ids(claims):
    return [claim.request_id for claim in claims]


def test_an_empty_queue_gives_no_claim(transitions):
    assert transitions.claim(LEASE_OWNER) == []


def test_requests_are_claimed_in_queue_order(redis, transitions, queued, key_id):
    claims = transitions.claim(LEASE_OWNER, limit=2)

    assert ids(claims) == queued[:2]
    assert [(claim.key_id, claim.attempt) for claim in claims] == [(key_id, 1)] * 2
    assert claims[1].params == {"base_image": "https://shop.example/1.jpg"}
    assert asking.queued(redis, key_id) == queued[2:]


def test_a_worker_gets_no_more_than_its_share_of_the_queue(transitions, queued, workers):
    workers(2)

    assert ids(transitions.claim(LEASE_OWNER, limit=10)) == queued[:2]
    assert ids(transitions.claim(ANOTHER, limit=10)) == queued[2:3]


@pytest.mark.parametrize("is_idle", [True, False])
def test_the_last_requests_go_to_idle_workers(transitions, queued, workers, is_idle):
    workers(6)

    assert ids(transitions.claim(LEASE_OWNER, limit=10, is_idle=is_idle)) == queued[:1] * is_idle


def test_a_claim_whose_reply_was_lost_is_returned_again(transitions, queued):
    received, lost = transitions.claim(LEASE_OWNER, limit=2)

    again = transitions.claim(LEASE_OWNER, limit=2, holding=[received.request_id])

    assert [(claim.request_id, claim.attempt) for claim in again] == [(lost.request_id, 1), (queued[2], 1)]


def test_claims_of_another_process_of_the_machine_are_not_returned(transitions, queued):
    transitions.claim(ANOTHER)

    assert ids(transitions.claim(LEASE_OWNER)) == queued[1:2]


def test_reports_and_a_claim_are_sent_together(transitions, queued):
    done, stale = transitions.claim(LEASE_OWNER, limit=2)
    together = transitions.pipeline()
    together.complete(done.request_id, 1, OUTPUT, {})
    together.give_back(stale.request_id, 7)

    together.claim(LEASE_OWNER, 1, [stale.request_id])

    ended, refused, claims = together.send()

    assert (ended, refused.reason) == ([], "stale")
    assert ids(claims) == queued[2:3]
    assert transitions.read(done.request_id).output == OUTPUT


@pytest.mark.parametrize("entry", ["no-request", "5476801e-1a31-4475-8dbb-58e6b9ddfa6z", "x" * 1000, "a\nb"])
def test_an_entry_that_is_not_a_request_is_dropped_and_logged(redis, transitions, queued, entry, caplog):
    caplog.set_level("INFO")
    redis.lpush(keyspace.RQ_QUEUE, entry)

    assert ids(transitions.claim(LEASE_OWNER)) == queued[:1]

    assert f"request {entry[:50]!a}: skipped, refused" in caplog.text


def test_an_entry_without_a_record_is_dropped_and_logged(redis, transitions, queued, caplog):
    caplog.set_level("INFO")
    redis.delete(keyspace.request(queued[0]))

    assert ids(transitions.claim(LEASE_OWNER)) == queued[1:2]

    assert f"request {queued[0]!r}: skipped, missing" in caplog.text


def test_a_request_that_is_late_ends_and_the_next_one_is_claimed(redis, transitions, queued):
    redis.zadd(keyspace.DEADLINES, {queued[0]: 1})

    assert ids(transitions.claim(LEASE_OWNER)) == queued[1:2]

    assert transitions.read(queued[0]).code == FailureCode.TIMEOUT


def test_a_claim_has_the_number_of_attempts_given_back(transitions, queued):
    transitions.claim(LEASE_OWNER)
    transitions.give_back(queued[0], 1)

    (again,) = transitions.claim(LEASE_OWNER)

    assert (again.attempt, again.given_back) == (2, 1)
    assert transitions.read(queued[0]).attempts == 1


def test_one_claim_skips_a_limited_number_of_entries(redis, transitions, queued):
    redis.lpush(keyspace.RQ_QUEUE, *["no request"] * (MAX_SKIPPED + 1))

    assert transitions.claim(LEASE_OWNER) == []
    assert ids(transitions.claim(LEASE_OWNER)) == queued[:1]


def test_the_bell_rings_only_while_requests_are_queued(redis, transitions, queued):
    assert redis.lpop(keyspace.BELL)
    transitions.claim(LEASE_OWNER, limit=4)
    assert redis.llen(keyspace.BELL) == 1, "for the next idle worker"

    transitions.claim(ANOTHER)
    assert not redis.exists(keyspace.BELL)

    transitions.give_back(queued[0], 1)
    assert redis.llen(keyspace.BELL) == 1
