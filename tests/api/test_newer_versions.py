"""The API reads records written by a newer version, as in a rolling deploy."""

import base64
import json

import pytest
from redis import Redis

from jobs import keyspace
from jobs.keys.api_keys import ApiKeys
from tests.origin import CUP, LOGO
from tests.stack import Stack

BASE, OVERLAY = (base64.b64encode(file).decode() for file in (CUP, LOGO))


@pytest.fixture
def redis(redis_socket):
    with Redis.from_url(f"unix://{redis_socket}?db=0") as connection:
        yield connection


def ended(service: Stack, idempotency_key: str, **params: str) -> str:
    answer = service.client.post(
        "/v2/superimpose", json=params, headers={"idempotency-key": idempotency_key}
    ).json()
    service.finish(answer["request_id"])
    return str(answer["request_id"])


def test_an_unknown_failure_code_is_passed_on(service, redis):
    params = {"base_image": BASE, "overlay_image": base64.b64encode(b"no picture").decode()}
    request_id = ended(service, "unknown-code", **params)
    redis.hset(keyspace.request(request_id), mapping={"code": "out_of_paint", "error": "buy some"})

    places = [f"/v2/requests/{request_id}/status", f"/v2/requests/{request_id}"]
    polled = [service.client.get(place) for place in places]
    waited = service.client.post("/v1/superimpose", json=params, headers={"idempotency-key": "unknown-code"})

    assert [answer.status_code for answer in polled] == [422, 422]
    assert waited.status_code == 400
    assert {(each.json()["code"], each.json()["error"]) for each in (*polled, waited)} == {
        ("out_of_paint", "buy some")
    }


def test_unknown_fields_of_a_picture_are_ignored(service, redis):
    request_id = ended(service, "more-output", base_image=BASE, overlay_image=OVERLAY)
    output = json.loads(redis.hget(keyspace.request(request_id), "output"))
    redis.hset(keyspace.request(request_id), "output", json.dumps(output | {"frames": 1}))

    answer = service.client.get(f"/v2/requests/{request_id}")

    assert answer.status_code == 200
    assert answer.json()["images"][0]["file_name"].startswith(output["token"])


def test_an_unknown_scope_grants_nothing_and_is_kept(service, redis):
    key, text = ApiKeys(redis).create("of the future")
    redis.hset(keyspace.api_key(key.key_id), "scopes", "upload batch")
    headers = {"x-api-key": text}

    credits = service.client.get("/v1/get-user-credits", headers=headers)
    body = {"base_image": BASE, "overlay_image": OVERLAY}
    submit = service.client.post("/v2/superimpose", json=body, headers=headers)

    assert credits.status_code == 200
    assert (submit.status_code, submit.json()["code"]) == (403, "missing_scope")
    [listed] = [each for each in ApiKeys(redis).list() if each.key_id == key.key_id]
    assert listed.shown()["scopes"] == ["batch", "upload"]
