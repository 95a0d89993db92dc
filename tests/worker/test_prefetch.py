"""How many requests a worker claims ahead, and which of them it gives back."""

import itertools

import pytest

from jobs.lifecycle.moves import Claim
from worker import prefetch
from worker.attempt import Attempt
from worker.prefetch import INITIAL_LIMIT, MAX_DOUBLINGS, MAX_READY, MAX_WAIT_S, STARVING_S, PrefetchWindow

MAX_LIMIT = 9


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
    monkeypatch.setattr(prefetch, "time", clock)
    monkeypatch.setattr("worker.attempt.time", clock)
    return clock


@pytest.fixture
def window(clock):
    return PrefetchWindow(MAX_LIMIT)


@pytest.fixture
def claim(window):
    """Fills the free slots, or up to `limit` of them."""
    numbers = itertools.count()

    def claim(limit: int = MAX_LIMIT) -> list[Attempt]:
        count = min(limit, window.free_slots)
        new = [Attempt(Claim(str(next(numbers)), 1, "key_a", {}, 60, 9e9)) for _ in range(count)]
        for attempt in new:
            window.add(attempt)
        return new

    return claim


def process_oldest(window, clock, seconds: float, ready: int) -> None:
    oldest = next(iter(window))
    oldest.started_at = clock.now
    clock.now += seconds
    window.finish(oldest, ready)


def test_at_first_one_request_is_claimed_ahead(window, claim):
    claim()

    assert len(window) == INITIAL_LIMIT
    assert window.free_slots == 0


def test_the_limit_grows_to_its_maximum_while_inputs_arrive_late(window, clock, claim):
    for _ in range(20):
        claim()
        process_oldest(window, clock, 0.01, ready=0)

    claim()
    assert len(window) == MAX_LIMIT


def test_the_limit_does_not_grow_while_the_queue_cannot_fill_it(window, clock, claim):
    for _ in range(20):
        claim(1)
        process_oldest(window, clock, 0.01, ready=0)

    claim()
    assert len(window) == INITIAL_LIMIT


def test_the_limit_shrinks_while_too_many_requests_are_ready(window, clock, claim):
    for ready in [0] * 20 + [MAX_READY + 1] * 3:
        claim()
        process_oldest(window, clock, 0.01, ready)

    claim()
    assert len(window) == MAX_LIMIT - 3


def test_the_limit_grows_while_the_child_only_waits_for_inputs(window, clock, claim):
    claim()
    window.grow_if_starving(clock.now + STARVING_S / 2)
    assert window.free_slots == 0

    window.grow_if_starving(clock.now + 2 * STARVING_S)
    assert window.free_slots > 0


def test_behind_a_slow_request_all_others_are_given_back_and_none_is_claimed(window, clock, claim):
    slow, waiting = claim()
    slow.started_at = clock.now
    clock.now += MAX_WAIT_S / 2
    assert window.overdue(clock.now) == []

    clock.now += MAX_WAIT_S
    assert window.overdue(clock.now) == [waiting]

    window.remove(waiting)
    assert window.free_slots == 0


def test_the_newest_requests_that_cannot_start_in_time_are_given_back(window, clock, claim):
    """Each is processed for 0.4 s."""
    for _ in range(20):
        claim()
        process_oldest(window, clock, 0.4, ready=0)
    claim()
    process_oldest(window, clock, 0.4, ready=4)
    started, *others = window
    started.started_at = clock.now
    overdue = [each for each in others if clock.now - each.claimed_at > MAX_WAIT_S]

    assert window.overdue(clock.now) == overdue[-2:] != []
    assert window.overdue(clock.now) == [], "they are already being given back"
    for attempt in overdue[-2:]:
        window.remove(attempt)
    assert window.free_slots == 0, "the same requests would be claimed again"


def test_the_wait_doubles_each_time_a_request_is_given_back(window, clock, claim):
    slow, waiting = claim()
    waiting.claim = waiting.claim._replace(given_back=2)
    slow.started_at = clock.now

    clock.now += 3.9 * MAX_WAIT_S
    assert window.overdue(clock.now) == []

    clock.now += 0.2 * MAX_WAIT_S
    assert window.overdue(clock.now) == [waiting]


def test_the_wait_stops_doubling_at_a_limit(window, clock, claim):
    slow, waiting = claim()
    waiting.claim = waiting.claim._replace(given_back=2000)
    slow.started_at = clock.now

    clock.now += 2**MAX_DOUBLINGS * MAX_WAIT_S + 1

    assert window.overdue(clock.now) == [waiting]


def test_requests_that_wait_for_a_child_to_start_are_given_back(window, clock, claim):
    both = claim()
    clock.now += 1.1 * MAX_WAIT_S

    assert window.overdue(clock.now) == [], "the child may still fetch their inputs"
    assert window.overdue(clock.now, has_child=False) == both


def test_a_request_occupies_the_worker_since_its_claim_or_since_the_previous_finish(window, clock, claim):
    first, second = claim()
    clock.now += 2
    assert window.finish(first, ready=0) == 2
    clock.now += 3
    assert window.finish(second, ready=0) == 3
