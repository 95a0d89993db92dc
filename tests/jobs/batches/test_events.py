"""The event of a batch, written in the step that ends its last request."""

import json

import pytest

from jobs import keyspace
from jobs.batches.progress import BatchProgress
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.moves import CANCELLED, QueueFull
from jobs.webhooks.body import event_body
from jobs.webhooks.exchange import Ending
from jobs.webhooks.secrets import KeySecrets
from tests.asking import HERE, OUTPUT, claim_request
from tests.jobs.batches.conftest import Desk, requests
from tests.jobs.webhooks.conftest import Desk as Sender
from tests.webhook_events import with_webhooks

URL = "https://shop.example/hooks?key=1"


@pytest.fixture
def settings(settings):
    return with_webhooks(settings)


@pytest.fixture
def sender(settings):
    return Sender(settings)


@pytest.fixture
def finish(desk, transitions):
    """Completes all QUEUED requests of a batch."""

    def finish(batch_id: str) -> None:
        for request_id in desk.ids(batch_id):
            if not transitions.read(request_id).finished_at:
                transitions.complete(request_id, claim_request(transitions, request_id).attempt, OUTPUT, {})

    return finish


def test_an_ended_batch_has_one_event_with_the_fields_of_its_response(desk, sender, transitions, finish):
    batch_id = desk.accept(requests(3), webhook_url=URL).batch_id
    transitions.cancel(desk.ids(batch_id)[0], CANCELLED)
    assert sender.claim() == []

    finish(batch_id)

    [event] = sender.claim()
    assert event.message_id == f"msg_{batch_id.replace('-', '')}_completed"
    assert (event.url, event.origin, event.request_id) == (URL, HERE, batch_id)
    body = json.loads(event_body(event.record, event.origin, event.has_base64))
    counts = {"total": 3, "queued": 0, "processing": 0, "completed": 2, "failed": 1}
    assert (body["type"], body["batch_id"], body["request_counts"]) == ("batch.completed", batch_id, counts)
    batch, copy = desk.batch(batch_id), event.record
    for name in ("key_id", "created_at", "finished_at", "expires_at", "archive", "status", "cancelled"):
        assert getattr(copy, name) == getattr(batch, name)


def test_the_event_of_a_cancelled_batch_is_marked(desk, redis, settings, sender):
    batch_id = desk.accept(requests(2), webhook_url=URL).batch_id

    BatchProgress(redis, settings).cancel(batch_id)

    [event] = sender.claim()
    assert (event.record.cancelled, event.record.failed) == (True, 2)


def test_a_delivered_event_is_not_sent_again(desk, redis, sender, finish):
    batch_id = desk.accept(requests(2), webhook_url=URL).batch_id
    finish(batch_id)
    [event] = sender.claim()

    sender.report(event, Ending.DELIVERED)

    assert sender.claim() == []
    assert redis.hget(keyspace.api_key(desk.key_id), "undelivered") == b"0"


def test_the_requests_of_a_batch_have_their_own_events(desk, sender, finish):
    sent = requests(2, webhook_url="https://one.example/")
    finish(desk.accept(sent, webhook_url="https://all.example/").batch_id)

    assert sorted(event.url for event in sender.claim()) == ["https://all.example/", "https://one.example/"]
    assert [event.url for event in sender.claim()] == [], "one at a time to a new receiver"


def test_no_event_is_written_without_a_webhook(desk, redis, finish):
    finish(desk.accept(requests(2)).batch_id)

    assert redis.keys(keyspace.event("*")) == []


def test_the_event_is_signed_with_the_secret_at_the_time_of_acceptance(desk, redis, settings, sender, finish):
    KeySecrets(redis, settings).rotate(desk.key_id, 0)
    batch_id = desk.accept(requests(1), webhook_url=URL).batch_id
    ApiKeys(redis).revoke(desk.key_id)

    finish(batch_id)

    assert sender.claim()[0].generation == 1


def test_a_key_with_too_many_undelivered_events_cannot_submit_a_batch_with_events(
    desk, redis, settings, finish
):
    few = Desk(redis, settings.model_copy(update={"max_undelivered_per_key": 1}), desk.key_id)
    finish(few.accept(requests(1), webhook_url=URL).batch_id)

    with pytest.raises(QueueFull) as refused:
        few.accept(requests(1), webhook_url=URL)
    few.accept(requests(1))

    assert refused.value.scope == "events"


def test_the_events_of_a_batch_and_of_its_requests_are_counted_together(desk, redis, settings):
    few = Desk(redis, settings.model_copy(update={"max_undelivered_per_key": 3}), desk.key_id)
    own = requests(3, webhook_url="https://one.example/")

    with pytest.raises(QueueFull):
        few.accept(own, webhook_url=URL)
    few.accept(own)
