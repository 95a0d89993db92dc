"""How many requests a worker has in hand, and which of them it gives back."""

import itertools

import pytest

from jobs.lifecycle.moves import Claim
from worker import in_flight as hands
from worker.attempt import Attempt
from worker.in_flight import FIRST_LIMIT, MOST_DOUBLED, PATIENCE_S, READY_MOST, STARVING_S, Hand

MOST = 9


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(hands, "time", clock)
    monkeypatch.setattr("worker.attempt.time", clock)
    return clock


@pytest.fixture
def hand(clock):
    return Hand(MOST)


@pytest.fixture
def claimed(hand):
    """Fills the hand, or adds so many."""
    numbers = itertools.count()

    def claimed(most: int = MOST) -> list[Attempt]:
        new = [
            Attempt(Claim(str(next(numbers)), 1, "key_a", {}, 60, 9e9)) for _ in range(min(most, hand.room))
        ]
        for attempt in new:
            hand.add(attempt)
        return new

    return claimed


def work(hand, clock, seconds: float, ready: int) -> None:
    """The oldest one is made."""
    oldest = next(iter(hand))
    oldest.begun_at = clock.now
    clock.now += seconds
    hand.end(oldest, ready)


def test_there_is_one_beside_the_one_that_is_made(hand, claimed):
    claimed()

    assert len(hand) == FIRST_LIMIT
    assert hand.room == 0


def test_where_inputs_come_late_more_are_claimed_up_to_the_most(hand, clock, claimed):
    for _ in range(20):
        claimed()
        work(hand, clock, 0.01, ready=0)

    claimed()
    assert len(hand) == MOST


def test_where_the_queue_is_the_limit_no_more_are_claimed(hand, clock, claimed):
    for _ in range(20):
        claimed(1)
        work(hand, clock, 0.01, ready=0)

    claimed()
    assert len(hand) == FIRST_LIMIT


def test_where_many_are_ready_fewer_are_claimed(hand, clock, claimed):
    for ready in [0] * 20 + [READY_MOST + 1] * 3:
        claimed()
        work(hand, clock, 0.01, ready)

    claimed()
    assert len(hand) == MOST - 3


def test_while_the_child_only_waits_for_inputs_more_are_claimed(hand, clock, claimed):
    claimed()
    hand.feed(clock.now + STARVING_S / 2)
    assert hand.room == 0

    hand.feed(clock.now + 2 * STARVING_S)
    assert hand.room > 0


def test_behind_one_that_takes_long_all_are_given_back_and_none_is_claimed(hand, clock, claimed):
    long, behind = claimed()
    long.begun_at = clock.now
    clock.now += PATIENCE_S / 2
    assert hand.overdue(clock.now) == []

    clock.now += PATIENCE_S
    assert hand.overdue(clock.now) == [behind]

    hand.remove(behind)
    assert hand.room == 0


def test_of_more_than_can_be_begun_in_time_the_latest_are_given_back(hand, clock, claimed):
    """The work of each takes 0.4 s."""
    for _ in range(20):
        claimed()
        work(hand, clock, 0.4, ready=0)
    claimed()
    work(hand, clock, 0.4, ready=4)
    begun, *others = hand
    begun.begun_at = clock.now
    long_in_hand = [each for each in others if clock.now - each.claimed_at > PATIENCE_S]

    assert hand.overdue(clock.now) == long_in_hand[-2:] != []
    assert hand.overdue(clock.now) == [], "they are on their way"
    for attempt in long_in_hand[-2:]:
        hand.remove(attempt)
    assert hand.room == 0, "the same would be claimed again"


def test_what_was_given_back_before_may_wait_for_longer_each_time(hand, clock, claimed):
    long, behind = claimed()
    behind.claim = behind.claim._replace(given_back=2)
    long.begun_at = clock.now

    clock.now += 3.9 * PATIENCE_S
    assert hand.overdue(clock.now) == []

    clock.now += 0.2 * PATIENCE_S
    assert hand.overdue(clock.now) == [behind]


def test_what_was_given_back_a_thousand_times_does_not_wait_for_ever(hand, clock, claimed):
    long, behind = claimed()
    behind.claim = behind.claim._replace(given_back=2000)
    long.begun_at = clock.now

    clock.now += 2**MOST_DOUBLED * PATIENCE_S + 1

    assert hand.overdue(clock.now) == [behind]


def test_what_waits_for_a_child_to_start_is_given_back_too(hand, clock, claimed):
    both = claimed()
    clock.now += 1.1 * PATIENCE_S

    assert hand.overdue(clock.now) == [], "their inputs may be on the way"
    assert hand.overdue(clock.now, has_child=False) == both


def test_a_request_occupies_the_worker_from_its_claim_or_from_the_end_of_the_one_before(hand, clock, claimed):
    first, second = claimed()
    clock.now += 2
    assert hand.end(first, ready=0) == 2
    clock.now += 3
    assert hand.end(second, ready=0) == 3
