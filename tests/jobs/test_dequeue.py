"""Which request a worker gets next, and for which ones behind it it fetches inputs meanwhile."""

from dataclasses import replace
from uuid import uuid4

import pytest

from jobs import keyspace
from jobs.lifecycle.moves import Failure, IllegalMove
from jobs.lifecycle.status import FailureCode
from jobs.lifecycle.transitions import HORIZON_S, Transitions
from tests.asking import LEASE_OWNER, OUTPUT

ANOTHER = replace(LEASE_OWNER, worker="another-worker", process="2 2")


@pytest.fixture
def transitions(redis, settings):
    return Transitions(redis, settings.model_copy(update={"fetch_ahead": 2}))


@pytest.fixture
def queued(redis, transitions, key_id):
    """Ids of five requests that wait, the first one first."""
    requests = [str(uuid4()) for _ in range(5)]
    for number, request_id in enumerate(requests):
        params = {"base_image": f"https://shop.example/{number}.jpg"}
        transitions.create(request_id, key_id, params)
    return requests


def ids(claim):
    return [waiting.request_id for waiting in claim.ahead]


def test_nothing_waits(transitions):
    assert transitions.claim(LEASE_OWNER) is None


def test_the_first_is_next_and_those_behind_it_are_fetched_for(transitions, queued, key_id):
    claim = transitions.claim(LEASE_OWNER)

    assert (claim.request_id, claim.key_id, claim.attempt) == (queued[0], key_id, 1)
    assert ids(claim) == queued[1:3]
    assert claim.ahead[0].key_id == key_id
    assert claim.ahead[0].params == {"base_image": "https://shop.example/1.jpg"}


def test_what_one_fetches_for_the_others_leave_to_him(transitions, queued):
    transitions.claim(LEASE_OWNER)

    other = transitions.claim(ANOTHER)

    assert other.request_id == queued[3]
    assert ids(other) == queued[4:]


def test_where_nothing_else_is_left_nobody_waits_for_the_one_who_fetches(redis, transitions, queued):
    transitions.claim(LEASE_OWNER)
    for request_id in queued[3:]:
        redis.lrem(keyspace.RQ_QUEUE, 1, request_id)

    assert transitions.claim(ANOTHER).request_id == queued[1]


def test_a_hint_ends(redis, transitions, queued):
    transitions.claim(LEASE_OWNER)
    redis.hset(keyspace.request(queued[1]), "ahead", f"1 {LEASE_OWNER.worker}")

    assert transitions.claim(ANOTHER).request_id == queued[1]


def test_nobody_fetches_for_more_than_he_may(transitions, queued):
    assert ids(transitions.claim(LEASE_OWNER, fetching=1)) == queued[1:2]
    assert ids(transitions.claim(ANOTHER, fetching=2)) == []


def test_where_work_is_slow_less_is_fetched_ahead(redis, transitions, queued):
    redis.hset(keyspace.PACE, "work", HORIZON_S * 1000)

    assert ids(transitions.claim(LEASE_OWNER)) == queued[1:2]


@pytest.mark.parametrize("end", ["complete", "fail"])
def test_where_only_origins_are_slow_as_much_is_fetched_ahead_as_may_be(redis, transitions, queued, end):
    slow = transitions.claim(LEASE_OWNER).request_id
    redis.hincrby(keyspace.request(slow), "claimed_at", -2 * HORIZON_S * 1000)
    stages = {"fetch": 2.0 * HORIZON_S}

    if end == "complete":
        transitions.complete(slow, 1, OUTPUT, stages)
    else:
        transitions.fail(slow, 1, Failure(FailureCode.INTERNAL, "broken"), stages)

    assert ids(transitions.claim(LEASE_OWNER)) == queued[3:]


def test_whoever_did_not_hear_what_he_got_gets_the_same_again(transitions, queued):
    first = transitions.claim(LEASE_OWNER)

    again = transitions.claim(LEASE_OWNER)

    assert (again.request_id, again.attempt) == (first.request_id, 1)


@pytest.mark.parametrize("entry", ["no-request", "5476801e-1a31-4475-8dbb-58e6b9ddfa6z", "x" * 1000, "a\nb"])
def test_an_entry_that_is_no_request_is_taken_out_and_named(redis, transitions, queued, entry):
    redis.lpush(keyspace.RQ_QUEUE, entry)

    with pytest.raises(IllegalMove) as refused:
        transitions.claim(LEASE_OWNER)

    assert refused.value.reason == "refused"
    assert refused.value.request_id == ascii(entry[:50])
    assert redis.llen(keyspace.RQ_INTERMEDIATE) == 0
    assert transitions.claim(LEASE_OWNER).request_id == queued[0]


def test_a_request_that_is_gone_is_named_and_forgotten(redis, transitions, queued):
    redis.delete(keyspace.request(queued[0]))

    with pytest.raises(IllegalMove) as refused:
        transitions.claim(LEASE_OWNER)

    assert (refused.value.request_id, refused.value.reason) == (ascii(queued[0]), "missing")
    assert redis.llen(keyspace.RQ_INTERMEDIATE) == 0
