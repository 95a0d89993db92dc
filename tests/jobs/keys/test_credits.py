"""Credits of a request: held when it is made, settled or released when it ends, exactly once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.api_key import KeyOptions
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.moves import Failure, IllegalMove, NotEnoughCredits
from jobs.lifecycle.output import Output
from jobs.lifecycle.status import FailureCode
from jobs.lifecycle.transitions import Transitions
from tests.asking import claim_request

ID = "5476801e-1a31-4475-8dbb-58e6b9ddfa68"

OUTPUT = Output("token", "outputs/20300101T0000/token", "image/png", 10, 4, 3)
COST = 3


@pytest.fixture
def key_id(keys):
    return keys.create("shop", KeyOptions(credits=10))[0].key_id


@pytest.fixture
def transitions(redis, settings):
    return Transitions(redis, settings.model_copy(update={"credit_cost": COST}))


@pytest.fixture
def account(keys, key_id):
    """(left, held, spent) as they are now."""

    def account() -> tuple[int | None, int, int]:
        key = keys.get(key_id)
        return key.credits, key.held, key.spent

    return account


def test_credits_are_held_while_a_request_is_unfinished(transitions, key_id, account):
    assert transitions.create(NewRequest(ID, key_id, {})).credits == 7
    assert account() == (7, 3, 0)

    claim_request(transitions, ID)
    assert account() == (7, 3, 0)


def test_a_completed_request_has_cost_its_credits(transitions, key_id, account):
    transitions.create(NewRequest(ID, key_id, {}))
    claim_request(transitions, ID)
    transitions.complete(ID, 1, OUTPUT, {})

    assert account() == (7, 0, 3)


def cancel(transitions: Transitions) -> None:
    transitions.cancel(ID, Failure(FailureCode.CANCELLED, "stopped"))


def fail(transitions: Transitions) -> None:
    transitions.cancel(ID, Failure(FailureCode.INVALID_IMAGE, "broken"))


def exhaust(transitions: Transitions) -> None:
    with suppress(IllegalMove):
        for attempt in range(1, 10):
            with suppress(LookupError):
                claim_request(transitions, ID)
            transitions.retry(ID, attempt, Failure(FailureCode.WORKER_LOST, "lost"))


@pytest.mark.parametrize("end", [cancel, fail, exhaust])
@pytest.mark.parametrize("claims", [0, 1])
def test_a_failed_request_costs_nothing(transitions, key_id, account, end, claims):
    transitions.create(NewRequest(ID, key_id, {}))
    for _ in range(claims):
        claim_request(transitions, ID)

    end(transitions)

    assert account() == (10, 0, 0)


def test_a_request_past_its_deadline_costs_nothing(transitions, redis, key_id, account):
    transitions.create(NewRequest(ID, key_id, {}))
    redis.zadd(keyspace.DEADLINES, {ID: 1})

    transitions.expire(ID)

    assert account() == (10, 0, 0)


def test_only_the_first_ending_counts(transitions, key_id, account):
    transitions.create(NewRequest(ID, key_id, {}))
    claim_request(transitions, ID)
    transitions.complete(ID, 1, OUTPUT, {})

    for ending in (
        lambda: transitions.cancel(ID, Failure(FailureCode.CANCELLED, "late")),
        lambda: transitions.complete(ID, 1, OUTPUT, {}),
        lambda: transitions.expire(ID),
    ):
        with pytest.raises(IllegalMove, match="terminal"):
            ending()

    assert account() == (7, 0, 3)


def test_without_enough_credits_nothing_is_created_and_the_balance_is_named(
    redis, transitions, key_id, account
):
    for name in "abc":
        transitions.create(NewRequest(name, key_id, {}))
    before = redis.dbsize()

    with pytest.raises(NotEnoughCredits) as refused:
        transitions.create(NewRequest("d", key_id, {}))

    assert (refused.value.balance, refused.value.needed) == (1, 3)
    assert redis.dbsize() == before
    assert account() == (1, 9, 0)


def test_a_hundred_submits_at_once_on_ten_credits_make_exactly_as_many_as_are_paid_for(redis, settings, keys):
    transitions = Transitions(redis, settings)  # at a cost of 1
    key_id = keys.create("race", KeyOptions(credits=10))[0].key_id

    def made(number: int) -> bool:
        try:
            transitions.create(NewRequest(f"request-{number}", key_id, {}))
        except NotEnoughCredits:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(made, range(100))) == 10
    assert keys.get(key_id).credits == 0


def test_a_request_costs_what_it_cost_when_it_was_created(redis, settings, transitions, key_id, account):
    transitions.create(NewRequest(ID, key_id, {}))

    dearer = Transitions(redis, Settings(redis_url=settings.redis_url, credit_cost=5))
    dearer.cancel(ID, Failure(FailureCode.INTERNAL, "broken"))

    assert account() == (10, 0, 0)


def test_a_request_that_costs_nothing_changes_no_account(redis, settings, key_id, account):
    free = Transitions(redis, settings.model_copy(update={"credit_cost": 0}))

    assert free.create(NewRequest(ID, key_id, {})).credits == 10
    claim_request(free, ID)
    free.complete(ID, 1, OUTPUT, {})
    free.create(NewRequest("b", key_id, {}))
    free.cancel("b", Failure(FailureCode.CANCELLED, "cancelled"))

    assert account() == (10, 0, 0)


def test_unlimited_credits_are_not_counted(transitions, keys):
    key_id = keys.create("free")[0].key_id

    assert transitions.create(NewRequest(ID, key_id, {})).credits is None
    transitions.cancel(ID, Failure(FailureCode.INTERNAL, "broken"))

    key = keys.get(key_id)
    assert (key.credits, key.held, key.spent) == (None, 0, 0)


def test_a_request_that_ends_after_its_key_was_revoked_does_not_bring_the_key_back(
    redis, transitions, keys, key_id
):
    transitions.create(NewRequest(ID, key_id, {}))
    keys.revoke(key_id)

    transitions.cancel(ID, Failure(FailureCode.INTERNAL, "broken"))

    assert keys.list() == []
    assert not redis.exists(keyspace.api_key(key_id))
