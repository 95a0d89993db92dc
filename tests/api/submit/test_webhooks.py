"""`webhook_url` and `webhook_events` at submit, and the events that receivers get."""

import json

import pytest
from redis import Redis

from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.webhooks.rules import FORM_WITH_HTTP, NOT_ALLOWED
from jobs.webhooks.secrets import OFF, KeySecrets
from tests.stack import empty_database
from tests.webhook_events import MASTER
from tests.webhooks.service import sending


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    """A service that may send to receivers on loopback."""
    with sending(empty_database(redis_socket, 9), tmp_path_factory.mktemp("hooked")) as stack:
        yield stack


def refusal(stack, body) -> tuple[int, str]:
    answer = stack.client.post("/v2/superimpose", json=body)
    return answer.status_code, answer.json()["error"]


def test_the_event_of_a_completed_request_contains_its_result(stack, samples, receiver):
    request_id = stack.submit(**samples, webhook_url=receiver.url, custom_id="sku-1")
    [got] = receiver.await_calls(1)

    event = json.loads(got.body)
    assert event.pop("type") == "request.completed"
    assert event.pop("timestamp").endswith("+00:00")
    assert event == stack.client.get(f"/v2/requests/{request_id}").json()


def test_the_event_of_a_failed_request_contains_its_status(stack, samples, receiver):
    request_id = stack.submit(**samples | {"mask": "bm90IGEgcGljdHVyZQ=="}, webhook_url=receiver.url)
    [got] = receiver.await_calls(1)

    event = json.loads(got.body)
    assert (event.pop("type"), event.pop("timestamp")[:2]) == ("request.failed", "20")
    assert event == stack.status(request_id).json()


def test_v1_sends_an_event(stack, samples, receiver):
    body = samples | {"webhook_url": receiver.url, "base64": True}
    answer = stack.client.post("/v1/superimpose", json=body)
    [got] = receiver.await_calls(1)

    event = json.loads(got.body)
    assert answer.json()["image"]
    assert (event["output"], event["output_omitted"]) == (None, "base64")


def test_a_replayed_submit_sends_no_event(stack, samples, receiver):
    body = samples | {"webhook_url": receiver.url}
    for _ in range(2):
        answer = stack.client.post("/v2/superimpose", json=body, headers={"Idempotency-Key": "once"})
        stack.finish(answer.json()["request_id"])
    assert answer.headers["idempotent-replayed"] == "true"
    stack.submit(**body)

    first, second = receiver.await_calls(2)

    assert first.message_id != second.message_id
    assert len(receiver.got) == 2


def test_the_same_idempotency_key_with_another_webhook_url_is_a_conflict(stack, samples, receiver):
    statuses = [
        stack.client.post(
            "/v2/superimpose",
            json=samples | {"webhook_url": f"{receiver.url}&to={to}"},
            headers={"Idempotency-Key": "other"},
        ).status_code
        for to in "ab"
    ]

    assert statuses == [200, 409]


@pytest.mark.parametrize(("options", "error"), [
    ({"webhook_url": "https://user@shop.com/"}, f"webhook_url: {FORM_WITH_HTTP}"),
    ({"webhook_url": "https://shop.com/#a"}, f"webhook_url: {FORM_WITH_HTTP}"),
    ({"webhook_url": "https://shop.com/" + "a" * 3000}, f"webhook_url: {FORM_WITH_HTTP}"),
    ({"webhook_url": "http://169.254.169.254/"}, f"webhook_url: {NOT_ALLOWED}"),
    ({"webhook_events": ["failed"]}, "webhook_events: give webhook_url too"),
])  # fmt: skip
def test_an_invalid_webhook_url_is_refused(stack, samples, options, error):
    assert refusal(stack, samples | options) == (400, error)


@pytest.mark.parametrize("events", [["ended"], [], "failed", [1], [None]])
def test_invalid_webhook_events_are_refused_at_submit(stack, samples, events):
    options = {"webhook_url": "https://shop.com/", "webhook_events": events}

    status, error = refusal(stack, samples | options)

    assert (status, error.partition(":")[0].partition("[")[0]) == (400, "webhook_events")


def test_faults_of_webhook_and_parameters_are_in_one_response(stack, samples):
    options = {"webhook_url": "nowhere", "opacity": 2, "base_image": "ftp://shop.com/"}

    status, error = refusal(stack, samples | options)

    assert status == 400
    assert all(name in error for name in ("webhook_url", "opacity", "base_image"))


def test_without_a_master_secret_webhooks_are_off(service):
    body = {"base_image": "https://a.com/a.jpg", "overlay_image": "https://a.com/b.png"}

    assert refusal(service, body | {"webhook_url": "https://shop.com/"}) == (400, OFF)


def test_events_are_signed_with_the_secret_of_the_key(stack, samples, receiver):
    stack.submit(**samples, webhook_url=receiver.url)
    [got] = receiver.await_calls(1)

    with Redis.from_url(stack.env["SUPERIMPOSE_REDIS_URL"]) as redis:
        key_id = ApiKeys(redis).list()[0].key_id
        secret = KeySecrets(redis, Settings(webhook_secret=MASTER)).read(key_id)
    assert got.is_signed_with(secret)
