"""What becomes of an event by the reports of attempts at it, by redelivery and by deletion."""

import json

import pytest

from jobs import keyspace
from jobs.deletion import Deletion
from jobs.pictures.store import PictureStore
from jobs.webhooks.deliveries import MAX_ATTEMPTS_SHOWN, Attempt, NoEvent, State
from jobs.webhooks.exchange import Ending
from jobs.webhooks.schedule import RETRY_AFTER_S
from tests.webhook_events import completed, event_of, lapse, new_request

URL = "https://shop.example/hooks?key=1"
OTHER = "https://other.example/"


def test_a_delivered_event_is_sent_no_more(redis, transitions, key_id, desk, deliveries):
    request_id = completed(transitions, key_id, URL)
    [event] = desk.claim()

    desk.report(event, Ending.DELIVERED)

    assert desk.claim() == []
    found = deliveries.find(request_id)
    assert (found.state, found.next_attempt_at) == (State.DELIVERED, None)
    assert found.shown() == {
        "url": "https://shop.example/hooks",
        "state": "delivered",
        "attempts": [
            {"at": "1970-01-01T00:00:01.500+00:00", "status": 204, "duration_ms": 12, "error": None}
        ],
        "next_attempt_at": None,
    }
    assert redis.zcard(keyspace.lane("proven")) == 0
    assert redis.hget(keyspace.api_key(key_id), "undelivered") == b"0"
    assert 0 < redis.ttl(keyspace.event(request_id)) <= 3600


def test_a_receiver_that_is_gone_is_asked_no_more(transitions, key_id, desk, deliveries):
    request_id = completed(transitions, key_id, URL)

    desk.report(desk.claim()[0], Ending.GONE)

    assert deliveries.find(request_id).state is State.GONE


@pytest.mark.parametrize("jitter", [0.8, 1.2])
def test_a_failed_attempt_is_followed_by_the_schedule_and_at_its_end_given_up(
    redis, transitions, key_id, desk, deliveries, jitter
):
    request_id = completed(transitions, key_id, URL)
    for nth, pause_s in enumerate(RETRY_AFTER_S, 1):
        [event] = desk.claim()
        assert event.attempt == nth
        before, _ = redis.time()
        desk.report(event, Ending.RETRY, jitter=jitter)
        after, _ = redis.time()
        found = deliveries.find(request_id)
        assert found.state is State.PENDING
        assert before <= found.next_attempt_at - pause_s * jitter <= after + 2
        assert desk.claim() == []
        lapse(redis, request_id)

    [event] = desk.claim()
    desk.report(event, Ending.RETRY)

    assert desk.given_up == [request_id]
    assert deliveries.find(request_id).state is State.FAILED
    assert desk.claim() == []


def test_a_receiver_that_says_when_is_not_asked_before(redis, transitions, key_id, desk, deliveries):
    request_id = completed(transitions, key_id, URL)
    before, _ = redis.time()

    desk.report(desk.claim()[0], Ending.RETRY, wait_s=600)

    assert 600 <= deliveries.find(request_id).next_attempt_at - before <= 602


def test_an_event_that_would_wait_beyond_its_life_is_given_up(redis, transitions, key_id, desk):
    request_id = completed(transitions, key_id, URL)
    [event] = desk.claim()
    seconds, _ = redis.time()
    redis.hset(keyspace.event(request_id), "until", (seconds + 3) * 1000)

    desk.report(event, Ending.RETRY)

    assert desk.given_up == [request_id]


def test_a_repeated_report_counts_once(redis, transitions, key_id, desk, deliveries):
    request_id = completed(transitions, key_id, URL)
    [event] = desk.claim()

    desk.report(event, Ending.RETRY)
    planned = deliveries.find(request_id)
    desk.report(event, Ending.RETRY)

    assert deliveries.find(request_id) == planned
    assert event_of(redis, request_id)[b"tries"] == b"1"


def test_a_frozen_sender_that_comes_back_does_not_put_off_the_attempt_under_way(
    redis, transitions, key_id, desk, webhook_settings, deliveries
):
    request_id = completed(transitions, key_id, URL)
    [frozen] = desk.claim()
    lapse(redis, request_id)
    other = type(desk)(webhook_settings)
    [second] = other.claim()

    desk.report(frozen, Ending.RETRY)
    assert deliveries.find(request_id).next_attempt_at is None  # it is being sent
    other.report(second, Ending.DELIVERED)

    found = deliveries.find(request_id)
    assert (found.state, [attempt.status for attempt in found.attempts]) == (State.DELIVERED, [500, 204])


def test_its_success_counts_though(redis, transitions, key_id, desk, webhook_settings, deliveries):
    request_id = completed(transitions, key_id, URL)
    [frozen] = desk.claim()
    lapse(redis, request_id)
    other = type(desk)(webhook_settings)
    [second] = other.claim()

    desk.report(frozen, Ending.DELIVERED)
    other.report(second, Ending.RETRY)

    assert deliveries.find(request_id).state is State.DELIVERED
    assert other.claim() == []
    assert redis.hget(keyspace.api_key(key_id), "undelivered") == b"0"


def test_an_event_given_back_is_due_at_once_and_counts_no_attempt(transitions, key_id, desk, deliveries):
    request_id = completed(transitions, key_id, URL)
    [event] = desk.claim()

    desk.report(event, Ending.GIVEN_BACK)

    assert deliveries.find(request_id).attempts == []
    assert [each.request_id for each in desk.claim()] == [request_id]


def test_the_log_has_the_last_attempts(redis, transitions, key_id, desk, deliveries):
    request_id = completed(transitions, key_id, URL)
    redis.hset(keyspace.event(request_id), "attempts", 30)
    for nth in range(11, 31):
        entry = json.dumps(vars(Attempt(1.0, None, nth, "could not be reached")))
        redis.hset(keyspace.event(request_id), f"attempt:{nth}", entry)

    desk.report(desk.claim()[0], Ending.DELIVERED)

    found = deliveries.find(request_id)
    assert len(found.attempts) == MAX_ATTEMPTS_SHOWN
    assert [attempt.duration_ms for attempt in found.attempts] == [*range(12, 31), 12]


def test_a_delivered_event_can_be_sent_again_under_the_same_id(redis, transitions, key_id, desk, deliveries):
    request_id = completed(transitions, key_id, URL)
    [event] = desk.claim()
    desk.report(event, Ending.DELIVERED)

    deliveries.redeliver(request_id)

    assert deliveries.find(request_id).state is State.PENDING
    [again] = desk.claim()
    assert (again.message_id, again.attempt) == (event.message_id, 2)
    desk.report(again, Ending.RETRY)
    assert deliveries.find(request_id).next_attempt_at is not None
    assert redis.hget(keyspace.api_key(key_id), "undelivered") == b"1"


def test_redelivery_of_one_that_waits_is_now_and_of_one_that_is_being_sent_changes_nothing(
    redis, transitions, key_id, desk, deliveries
):
    request_id = completed(transitions, key_id, URL)
    [event] = desk.claim()
    deliveries.redeliver(request_id)
    assert desk.claim() == []

    desk.report(event, Ending.RETRY)
    deliveries.redeliver(request_id)

    assert [each.request_id for each in desk.claim()] == [request_id]
    assert redis.hget(keyspace.api_key(key_id), "undelivered") == b"1"


def test_a_request_without_an_event_cannot_be_redelivered(transitions, key_id, deliveries):
    request_id = new_request(transitions, key_id, URL)

    with pytest.raises(NoEvent):
        deliveries.redeliver(request_id)


def test_the_event_of_a_deleted_request_is_sent_no_more(
    redis, webhook_settings, transitions, key_id, desk, deliveries
):
    under_way, delivered = (completed(transitions, key_id, url) for url in (URL, OTHER))
    events = {event.request_id: event for event in desk.claim()}
    desk.report(events[delivered], Ending.DELIVERED)
    waiting = completed(transitions, key_id, URL)
    deletion = Deletion(redis, PictureStore.open(webhook_settings))

    for request_id in (waiting, under_way, delivered):
        deletion.delete(request_id)
        assert deliveries.find(request_id) is None
    desk.report(events[under_way], Ending.RETRY)

    assert desk.claim() == []
    assert not redis.keys(f"{keyspace.event('')}*")
    assert redis.hget(keyspace.api_key(key_id), "undelivered") == b"0"
