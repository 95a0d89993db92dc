"""A key's webhooks over HTTP: secret, delivery, redelivery."""

import json
import time

import pytest
from redis import Redis

from jobs import keyspace
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.keys.key_rules import Scope
from tests.stack import Stack, empty_database, environment, running
from tests.webhook_events import MASTER
from tests.webhooks.service import sending, submit

PATIENCE_S = 60
SECRET = "/v1/webhooks/default/secret"
ROTATE = "/v2/webhooks/secret/rotate"


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    with sending(empty_database(redis_socket, 7), tmp_path_factory.mktemp("webhooks")) as stack:
        yield stack


@pytest.fixture(scope="module")
def idle(redis_socket, tmp_path_factory):
    """A service without worker and sender."""
    env = environment(
        empty_database(redis_socket, 8),
        tmp_path_factory.mktemp("idle"),
        fetch_allow="127.0.0.1/32",
        webhook_secret=MASTER,
        webhook_http="true",
    )
    with running(env, workers=0) as stack:
        yield stack


def connected(stack: Stack) -> Redis:
    return Redis.from_url(stack.env["SUPERIMPOSE_REDIS_URL"])


def as_key(stack: Stack, **options: object) -> dict[str, str]:
    """The headers for a new key."""
    with connected(stack) as redis:
        _, key = ApiKeys(redis).create("other", KeyOptions(**options))
    return {"x-api-key": key}


def secret(stack: Stack, **headers: str) -> str:
    answer = stack.client.get(SECRET, headers=headers)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    return str(answer.json()["key"])


def delivery(stack: Stack, request_id: str, state: str) -> dict:
    """The delivery of an event, once it is in this state."""
    deadline = time.monotonic() + PATIENCE_S
    while (shown := stack.client.get(f"/v2/requests/{request_id}/webhook").json())["state"] != state:
        assert time.monotonic() < deadline, shown
        time.sleep(0.02)
    return dict(shown)


def test_every_key_has_its_own_permanent_secret(stack):
    other = as_key(stack)

    assert secret(stack) == secret(stack)
    assert secret(stack, **other) == secret(stack, **other) != secret(stack)


def test_during_a_rotation_events_are_signed_with_both_secrets(stack, receiver):
    old = secret(stack)
    new = stack.client.post(ROTATE, json={"overlap_s": 60}).json()["key"]
    submit(stack, receiver.url)
    [got] = receiver.await_calls(1)

    assert secret(stack) == new != old
    assert got.is_signed_with(new)
    assert got.is_signed_with(old)


def test_without_an_overlap_the_old_secret_is_not_used(stack, receiver):
    old = secret(stack)
    new = stack.client.post(ROTATE, json={"overlap_s": 0}).json()["key"]
    submit(stack, receiver.url)
    [got] = receiver.await_calls(1)

    assert got.is_signed_with(new)
    assert not got.is_signed_with(old)


@pytest.mark.parametrize("body", [{"overlap_s": -1}, {"overlap_s": "soon"}, {"overlap": 1}, []])
def test_an_invalid_rotation_changes_nothing(stack, body):
    before = secret(stack)

    answer = stack.client.post(ROTATE, json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameters")
    assert secret(stack) == before


@pytest.mark.parametrize(("method", "path"), [("GET", SECRET), ("POST", ROTATE)])
def test_a_key_without_the_submit_scope_has_no_secret(stack, method, path):
    uploads_only = as_key(stack, scopes=(Scope.UPLOAD,))

    answer = stack.client.request(method, path, json={}, headers=uploads_only)

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


@pytest.mark.parametrize(("method", "path"), [("GET", SECRET), ("POST", ROTATE)])
def test_without_a_master_secret_the_error_names_the_setting(service, method, path):
    answer = service.client.request(method, path, json={})

    assert (answer.status_code, answer.json()["code"]) == (400, "webhooks_off")
    assert "SUPERIMPOSE_WEBHOOK_SECRET" in answer.json()["error"]


def test_a_delivered_event_is_shown_with_its_attempt_and_the_url_without_query(stack, receiver):
    request_id = submit(stack, receiver.url)

    shown = delivery(stack, request_id, "delivered")

    assert "?" in receiver.url
    assert shown["url"] == receiver.url.partition("?")[0]
    assert shown["next_attempt_at"] is None
    (attempt,) = shown["attempts"]
    assert (attempt["status"], attempt["error"]) == (204, None)
    assert attempt["duration_ms"] >= 0


def test_a_refused_event_is_sent_again_with_the_same_id(stack, receiver):
    receiver.answers = lambda _: (410, {})
    request_id = submit(stack, receiver.url)
    assert [each["status"] for each in delivery(stack, request_id, "gone")["attempts"]] == [410]

    receiver.answers = lambda _: (204, {})
    again = stack.client.post(f"/v2/requests/{request_id}/webhook/redeliver")

    assert (again.status_code, again.json()["state"] in ("pending", "delivered")) == (202, True)
    assert [each["status"] for each in delivery(stack, request_id, "delivered")["attempts"]] == [410, 204]
    assert len({call.message_id for call in receiver.got}) == 1
    assert len({call.body for call in receiver.got}) == 1


def test_a_failed_attempt_shows_the_next_one_and_not_the_receivers_response(stack, receiver):
    receiver.answers = lambda _: (503, {"retry-after": "3600", "x-secret": "of the receiver"})
    request_id = submit(stack, receiver.url)
    receiver.await_calls(1)

    deadline = time.monotonic() + PATIENCE_S
    while not (shown := delivery(stack, request_id, "pending"))["attempts"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)

    assert shown["next_attempt_at"] > shown["attempts"][0]["at"]
    assert shown["attempts"][0]["error"] == "answered 503"
    assert "of the receiver" not in json.dumps(shown)


def test_the_event_of_an_unfinished_request_is_pending_and_cannot_be_redelivered(idle, receiver):
    request_id = submit(idle, receiver.url)

    assert delivery(idle, request_id, "pending") == {
        "url": receiver.url.partition("?")[0],
        "state": "pending",
        "attempts": [],
        "next_attempt_at": None,
    }
    refused = idle.client.post(f"/v2/requests/{request_id}/webhook/redeliver")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_finished")

    idle.client.post(f"/v2/requests/{request_id}/cancel")
    assert delivery(idle, request_id, "pending")["next_attempt_at"] is not None
    assert idle.client.post(f"/v2/requests/{request_id}/webhook/redeliver").status_code == 202


def test_an_event_outlives_its_request(idle, receiver):
    request_id = submit(idle, receiver.url)
    idle.client.post(f"/v2/requests/{request_id}/cancel")
    with connected(idle) as redis:
        redis.delete(keyspace.request(request_id))

    assert idle.status(request_id).status_code == 404
    assert delivery(idle, request_id, "pending")["url"]


@pytest.mark.parametrize(("method", "path"), [("GET", "webhook"), ("POST", "webhook/redeliver")])
def test_requests_of_other_keys_and_without_a_webhook_have_no_event(idle, receiver, method, path):
    theirs = submit(idle, receiver.url)
    plain = idle.submit(
        base_image=f"{idle.url}/samples/cup.jpg", overlay_image=f"{idle.url}/samples/logo.png"
    )
    completed_only = submit(idle, receiver.url, webhook_events=["completed"])
    idle.client.post(f"/v2/requests/{completed_only}/cancel")
    stranger = as_key(idle)

    answers = [
        idle.client.request(method, f"/v2/requests/{theirs}/{path}", headers=stranger),
        *(
            idle.client.request(method, f"/v2/requests/{each}/{path}")
            for each in (plain, completed_only, "x")
        ),
    ]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [(404, "not_found")] * 4
