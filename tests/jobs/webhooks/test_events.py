"""An event is written in the step that ends its request, once, with all that its body needs."""

import json

import pytest

from jobs import keyspace
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.moves import IllegalMove, QueueFull
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.store import PictureStore
from jobs.resubmission import Resubmission
from jobs.webhooks.body import event_body
from jobs.webhooks.deliveries import State
from jobs.webhooks.exchange import Ending
from jobs.webhooks.secrets import KeySecrets
from tests.asking import HERE, OUTPUT, claim_request
from tests.redis.recording import recording
from tests.webhook_events import complete, completed, event_of, fail, new_request, with_webhooks

URL = "https://shop.example/hooks?key=1"


def body_of(event) -> dict:
    return json.loads(event_body(event.record, event.origin, event.has_base64))


def test_the_event_of_a_completed_request_is_its_result(redis, transitions, key_id, desk):
    request_id = completed(transitions, key_id, URL, custom_id="sku-1")

    [event] = desk.claim()

    assert event.message_id == f"msg_{request_id.replace('-', '')}_completed"
    assert (event.url, event.attempt) == (URL, 1)
    body = body_of(event)
    picture = f"{HERE}/pictures/{OUTPUT.file_name}"
    assert body["type"] == "request.completed"
    assert (body["status"], body["request_id"], body["custom_id"]) == ("COMPLETED", request_id, "sku-1")
    assert (body["output"], body["images"][0]["url"], body["error"]) == (picture, picture, None)
    assert body["metrics"]["inference_time"] == 0.5
    record = transitions.read(request_id)
    assert body["expires_at"] == record.expires
    assert "output_omitted" not in body


def test_the_event_of_a_failed_request_is_its_status(transitions, key_id, desk):
    request_id = new_request(transitions, key_id, URL)
    fail(transitions, request_id)

    [event] = desk.claim()

    assert event.message_id == f"msg_{request_id.replace('-', '')}_failed"
    body = body_of(event)
    assert body.pop("timestamp")
    assert body.pop("metrics")["total_time"] >= 0
    assert body == {
        "type": "request.failed",
        "status": "FAILED",
        "request_id": request_id,
        "error": "broken",
        "code": "internal",
    }


def test_a_picture_as_base64_is_left_out(transitions, key_id, desk):
    completed(transitions, key_id, URL, has_base64=True)

    body = body_of(desk.claim()[0])

    assert (body["output"], body["output_omitted"]) == (None, "base64")
    assert body["images"][0]["url"].startswith(HERE)


@pytest.mark.parametrize(("asked", "ended", "expected"), [
    (["completed"], complete, 1),
    (["completed"], fail, 0),
    (["failed"], complete, 0),
    (["failed"], fail, 1),
    (None, complete, 1),
    (None, fail, 1),
])  # fmt: skip
def test_only_selected_ends_have_events(transitions, key_id, desk, asked, ended, expected):
    ended(transitions, new_request(transitions, key_id, URL, events=asked))

    assert len(desk.claim()) == expected


def test_no_event_is_written_before_the_end_and_none_twice(redis, transitions, key_id):
    request_id = new_request(transitions, key_id, URL)
    claim_request(transitions, request_id)
    assert not event_of(redis, request_id)

    transitions.complete(request_id, 1, OUTPUT, {})
    written = event_of(redis, request_id)
    with pytest.raises(IllegalMove):
        transitions.complete(request_id, 1, OUTPUT, {})
    with pytest.raises(IllegalMove):
        fail(transitions, request_id)

    assert event_of(redis, request_id) == written
    assert redis.zcard(keyspace.untried_events(f"{key_id} shop.example")) == 1


def test_requests_ended_by_a_sweep_have_events(redis, settings, key_id, desk):
    late = Transitions(redis, with_webhooks(settings, start_timeout_s=1))
    requests = {new_request(late, key_id, f"https://shop{nth}.example/") for nth in range(5)}
    redis.zadd(keyspace.DEADLINES, dict.fromkeys(requests, 1))

    assert set(late.sweep(list(requests))) == requests
    assert {event.request_id for event in desk.claim()} == requests


def test_a_request_without_a_webhook_sends_redis_no_command_about_events(redis, transitions, key_id):
    claimed = "5476801e-1a31-4475-8dbb-58e6b9ddfa68"
    transitions.create(NewRequest(claimed, key_id, {}))
    claim_request(transitions, claimed)
    with recording(redis) as recorded:
        transitions.complete(claimed, 1, OUTPUT, {})

    commands = [each["command"] for each in recorded]
    assert commands
    assert not [each for each in commands if ":event" in each or "webhook_generation" in each]
    assert not [each for each in commands if ":receiver" in each or "undelivered" in each]


def test_the_event_outlives_the_request(redis, transitions, key_id, desk):
    request_id = completed(transitions, key_id, URL)
    assert redis.ttl(keyspace.event(request_id)) > redis.ttl(keyspace.request(request_id))
    redis.delete(keyspace.request(request_id))

    [event] = desk.claim()

    assert body_of(event)["request_id"] == request_id


def test_a_resubmitted_request_has_the_same_webhook(redis, webhook_settings, transitions, key_id, desk):
    params = {"base_image": "https://a.example/b.jpg"}
    first = new_request(transitions, key_id, URL)
    redis.hset(keyspace.request(first), "params", json.dumps(params))
    fail(transitions, first)

    again = Resubmission(redis, webhook_settings, PictureStore.open(webhook_settings)).resubmit(first)
    fail(transitions, again.request_id)

    assert event_of(redis, again.request_id)[b"url"] == URL.encode()


def test_a_key_with_too_many_undelivered_events_cannot_add_more(redis, settings, key_id, desk):
    few = with_webhooks(settings, max_undelivered_per_key=2)
    transitions = Transitions(redis, few)
    requests = [completed(transitions, key_id, URL) for _ in range(2)]

    with pytest.raises(QueueFull) as refused:
        new_request(transitions, key_id, URL)
    transitions.create(NewRequest("5476801e-1a31-4475-8dbb-58e6b9ddfa68", key_id, {}))  # without one

    assert (refused.value.scope, refused.value.limit) == ("events", 2)
    [event] = desk.claim()
    assert event.request_id in requests
    desk.report(event, Ending.DELIVERED)
    new_request(transitions, key_id, URL)


def test_events_of_a_revoked_key_are_signed_with_its_last_secret(
    redis, webhook_settings, transitions, key_id, desk
):
    KeySecrets(redis, webhook_settings).rotate(key_id, 0)
    completed(transitions, key_id, URL)
    ApiKeys(redis).revoke(key_id)

    [event] = desk.claim()

    assert (event.generation, event.with_former) == (1, False)
    assert not redis.exists(keyspace.api_key(key_id))


def test_both_secrets_are_used_during_the_overlap_of_a_rotation(
    redis, webhook_settings, transitions, key_id, desk
):
    completed(transitions, key_id, "https://one.example/")
    KeySecrets(redis, webhook_settings).rotate(key_id, 3600)
    [event] = desk.claim()
    assert (event.generation, event.with_former) == (1, True)

    redis.hset(keyspace.api_key(key_id), "webhook_former_until", 1)
    completed(transitions, key_id, "https://two.example/")
    [event] = desk.claim()
    assert (event.generation, event.with_former) == (1, False)


def test_the_log_of_a_request_that_runs_says_pending(transitions, key_id, deliveries):
    request_id = new_request(transitions, key_id, URL)

    found = deliveries.find(request_id)

    assert (found.key_id, found.state, found.url) == (key_id, State.PENDING, "https://shop.example/hooks")
    assert found.shown()["attempts"] == []
    assert deliveries.find("5476801e-1a31-4475-8dbb-58e6b9ddfa68") is None
