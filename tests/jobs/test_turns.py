"""Requests of different keys start in turn, however many each key has queued."""

import asyncio
import random
from collections import Counter
from itertools import islice

import pytest

from jobs import keyspace
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import Deadlines, NewRequest
from jobs.lifecycle.moves import Failure, QueueFull
from jobs.lifecycle.record import View
from jobs.lifecycle.status import FailureCode
from jobs.queries.reading import Reader
from jobs.redis.connection import connect_async_changes
from tests.asking import LEASE_OWNER, queued

CANCELLED = Failure(FailureCode.CANCELLED, "cancelled")


@pytest.fixture
def key(redis):
    """Makes a key of this weight."""
    return lambda weight=1: ApiKeys(redis).create("shop", KeyOptions(weight=weight))[0].key_id


@pytest.fixture
def submit(transitions):
    """Makes so many requests of a key; answers their ids."""
    numbers = iter(range(10**6))

    def submit(key_id: str, count: int = 1) -> list[str]:
        made = [f"00000000-0000-4000-8000-{number:012d}" for number in islice(numbers, count)]
        for request_id in made:
            transitions.create(NewRequest(request_id, key_id, {}))
        return made

    return submit


@pytest.fixture
def start(transitions):
    """Has so many requests start; answers (key, request) of each."""
    held = []

    def start(count: int) -> list[tuple[str, str]]:
        started = []
        while len(started) < count and (claims := transitions.claim(LEASE_OWNER, 1, held)):
            held.extend(claim.request_id for claim in claims)
            started += [(claim.key_id, claim.request_id) for claim in claims]
        return started

    return start


@pytest.fixture
def position(settings):
    """A request's place in the queue, as the API reads it."""
    with asyncio.Runner() as runner:

        async def read(request_id: str) -> int | None:
            async with connect_async_changes(settings) as redis:
                _, place = await Reader(redis, settings).request(request_id, View.STATUS)
                return place

        yield lambda request_id: runner.run(read(request_id))


def keys_of(started):
    return [key_id for key_id, _ in started]


def test_a_key_with_many_queued_requests_delays_one_of_another_key_by_two(key, submit, start):
    flood, shop = key(), key()
    submit(flood, 1000)
    start(10)
    [urgent] = submit(shop)

    assert urgent in dict(map(reversed, start(3)))


def test_a_single_key_gets_all_turns_in_the_order_of_its_requests(key, submit, start):
    made = submit(key(), 20)

    assert [request_id for _, request_id in start(30)] == made


def test_keys_with_queued_requests_start_equally_often(key, submit, start):
    started = Counter({key(): 0 for _ in range(5)})
    for each in started:
        submit(each, 20)

    for _ in range(90):
        started.update(keys_of(start(1)))
        assert max(started.values()) - min(started.values()) <= 2


def test_turns_that_a_key_does_not_use_go_to_other_keys(key, submit, start):
    few, many = key(), key()
    submit(few, 3)
    made = submit(many, 30)

    assert [request_id for key_id, request_id in start(33) if key_id == many] == made


def test_a_key_gets_turns_by_its_weight(key, submit, start):
    light, heavy = key(), key(weight=3)
    submit(light, 40)
    submit(heavy, 40)

    assert Counter(keys_of(start(40)))[light] in (10, 11)


def test_a_key_that_submits_one_by_one_does_not_overtake_queued_requests(key, submit, start):
    """Each of its requests comes when the one before has started."""
    waiting, eager = key(), key()
    submit(waiting, 20)
    started = []
    for _ in range(20):
        submit(eager)
        started += start(2)

    assert Counter(keys_of(started)) == {waiting: 20, eager: 20}


@pytest.mark.parametrize("way", ["cancelled", "late"])
def test_a_request_that_leaves_the_queue_early_takes_no_turn(redis, transitions, key, submit, start, way):
    shop, other = key(), key()
    leaving, staying = submit(shop, 50), submit(shop, 5)
    submit(other, 50)
    if way == "late":
        redis.zadd(keyspace.DEADLINES, dict.fromkeys(leaving, 1))
        assert transitions.sweep(leaving) == leaving
    else:
        for request_id in leaving:
            transitions.cancel(request_id, CANCELLED)

    assert [request_id for key_id, request_id in start(11) if key_id == shop] == staying
    assert queued(redis, shop) == []


def test_late_requests_at_the_head_of_a_queue_take_no_turn(redis, transitions, key, submit, start):
    shop, other = key(), key()
    late, staying = submit(shop, 30), submit(shop, 2)
    submit(other, 10)
    redis.zadd(keyspace.DEADLINES, dict.fromkeys(late, 1))

    started = start(4)

    assert Counter(keys_of(started)) == {shop: 2, other: 2}
    assert [request_id for key_id, request_id in started if key_id == shop] == staying


def test_a_request_given_back_is_next(transitions, key, submit, start):
    submit(key(), 3)
    [(_, first)] = start(1)
    transitions.give_back(first, 1)

    assert [request_id for _, request_id in start(1)] == [first]


def test_a_delayed_request_comes_back_in_turn(redis, transitions, key, submit, start, position):
    """As where a host that all of a key's pictures come from is away for a while."""
    flood, shop = key(), key()
    submit(flood, 40)
    failed = [request_id for _, request_id in start(30)]
    for request_id in failed:
        transitions.retry(request_id, 1, Failure(FailureCode.FETCH_FAILED, "away"), delay_s=1)
    [urgent] = submit(shop)
    for request_id in failed:
        transitions.promote(request_id)

    assert position(urgent) <= 2
    first = {request_id for _, request_id in start(3)}
    assert urgent in first
    assert first | {request_id for _, request_id in start(100)} >= set(failed)
    assert not redis.exists(keyspace.TURNS, keyspace.LAST_TURNS, keyspace.key_queue(flood))


@pytest.mark.parametrize("way", ["cancelled", "late"])
def test_a_request_that_ends_before_its_next_attempt_leaves_the_queue(
    redis, transitions, key, submit, start, way
):
    shop = key()
    failed, staying = submit(shop, 2)
    start(1)
    transitions.retry(failed, 1, Failure(FailureCode.FETCH_FAILED, "away"), delay_s=1)
    transitions.promote(failed)
    if way == "late":
        redis.zadd(keyspace.DEADLINES, {failed: 1})
        transitions.expire(failed)
    else:
        transitions.cancel(failed, CANCELLED)

    assert queued(redis, shop) == [staying]
    assert [request_id for _, request_id in start(2)] == [staying]
    assert not redis.exists(keyspace.TURNS, keyspace.LAST_TURNS, keyspace.key_queue(shop))


def test_a_record_that_cannot_be_claimed_does_not_block_others(redis, key, submit, start):
    broken, sound = submit(key(), 2)
    redis.hset(keyspace.request(broken), "attempts", "none")

    assert [request_id for _, request_id in start(2)] == [sound]


def test_a_request_without_a_record_leaves_the_queue(redis, transitions, key, submit, start):
    shop = key()
    gone, staying = submit(shop, 2)
    redis.delete(keyspace.request(gone))

    assert [request_id for _, request_id in start(2)] == [staying]
    assert not redis.exists(keyspace.key_queue(shop), keyspace.TURNS, keyspace.LAST_TURNS)


def test_a_turn_without_a_request_does_not_block_others(redis, key, submit, start):
    made = submit(key(), 2)
    redis.zadd(keyspace.TURNS, {"key_gone 1": -1, "": -2})

    assert [request_id for _, request_id in start(2)] == made
    assert not redis.exists(keyspace.TURNS)


def test_requests_of_a_revoked_key_keep_their_turns(redis, key, submit, start):
    revoked, other = key(), key()
    made = submit(revoked, 2)
    submit(other, 5)
    ApiKeys(redis).revoke(revoked)

    assert [request_id for key_id, request_id in start(4) if key_id == revoked] == made


def test_the_queue_position_is_the_number_of_requests_that_start_before(
    redis, transitions, key, submit, start, position
):
    """Whatever came and went before: the queue is emptied in the order of the places."""
    chance = random.Random(5)
    keys = [key(weight) for weight in (1, 1, 2, 5)]
    waiting: set[str] = set()
    for _ in range(120):
        waiting |= set(submit(chance.choice(keys), chance.randrange(1, 4)))
        if chance.random() < 0.3:
            waiting -= {request_id for _, request_id in start(2)}
        if chance.random() < 0.3 and waiting:
            leaving = chance.choice(sorted(waiting))
            transitions.cancel(leaving, CANCELLED)
            waiting.remove(leaving)
    places = {position(request_id): request_id for request_id in waiting}

    assert sorted(places) == list(range(len(waiting)))
    assert [request_id for _, request_id in start(len(waiting))] == [places[n] for n in sorted(places)]
    assert redis.zcard(keyspace.TURNS) == redis.hlen(keyspace.LAST_TURNS) == 0
    assert not [name for name in redis.smembers("rq:queues") if b":key_" in name]


def test_requeued_requests_count_in_the_queue_position(transitions, key, submit, start, position):
    submit(key(), 2)
    [(_, first)] = start(1)
    [waiting] = submit(key())
    before = position(waiting)
    transitions.give_back(first, 1)

    assert position(waiting) == before + 1


def test_a_flood_of_one_key_leaves_time_for_another(redis, transitions, key, submit):
    """A request is refused for lack of time by its own turn, not by all that waits."""
    redis.hset(keyspace.PACE, "job", 1000)
    flood, shop = key(), key()
    submit(flood, 50)
    deadlines = Deadlines(10, 60)
    transitions.create(NewRequest("of the shop", shop, {}, deadlines=deadlines))

    with pytest.raises(QueueFull):
        transitions.create(NewRequest("of the flood", flood, {}, deadlines=deadlines))
