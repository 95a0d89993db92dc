"""`?wait=`: the response comes when the request ends, or after the wait."""

import pytest

from jobs import keyspace
from jobs.keys.api_keys import ApiKeys
from tests.api.waiting.conftest import BROKEN, OUTPUT, SECONDS, STATUS, STREAM
from tests.asking import claim_request

NEVER = "3d4a6c1e-0000-4000-8000-000000000000"
PLACES = [STATUS, "/v2/requests/{}", "/v1/requests/{}"]


@pytest.mark.parametrize("place", PLACES)
def test_the_response_comes_at_the_end_of_the_request_and_equals_a_polls(
    client, meanwhile, transitions, request_id, place
):
    answer = meanwhile(place.format(request_id), params=SECONDS)
    claim_request(transitions, request_id)
    assert client.get("/watched").json()["waiting"] == 1, "that it is PROCESSING is not the end"
    transitions.complete(request_id, 1, OUTPUT, {"fetch": 0.1})

    assert answer().status_code == 200
    assert answer().json()["status"] == "COMPLETED"
    assert answer().content == client.get(place.format(request_id)).content


def test_a_request_that_fails_during_the_wait_is_a_422(client, meanwhile, transitions, request_id):
    answer = meanwhile(STATUS.format(request_id), params=SECONDS)
    transitions.cancel(request_id, BROKEN)

    assert (answer().status_code, answer().json()["error"]) == (422, "broken")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("wait", ["0", "0.05", "5e-2"])
def test_after_the_wait_the_response_has_the_current_status(client, request_id, place, wait):
    answer = client.get(place.format(request_id), params={"wait": wait})

    assert answer.status_code == 200
    assert answer.content == client.get(place.format(request_id)).content
    assert answer.json()["status"] == "QUEUED"
    assert answer.json()["queue_position"] >= 0


def test_a_request_that_has_ended_is_answered_at_once(client, transitions, request_id):
    transitions.cancel(request_id, BROKEN)

    assert client.get(STATUS.format(request_id), params=SECONDS).status_code == 422


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("wait", ["", "soon", "-1", "60.001", "1e9", "nan", "inf", "1_0", "0x1", " 5", "٣"])
def test_an_invalid_wait_is_a_400_that_says_what_is_allowed(client, request_id, place, wait):
    answer = client.get(place.format(request_id), params={"wait": wait})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameters")
    [fault] = answer.json()["errors"]
    assert fault == {"field": "wait", "message": f"{wait!a} is not a number of seconds from 0 to 60"}


@pytest.mark.parametrize("place", [f"{place}?wait=60" for place in PLACES] + [STREAM])
def test_a_call_without_access_is_refused_at_once(client, redis, request_id, place):
    _, other = ApiKeys(redis).create("other")
    unknown = client.get(place.format(NEVER))
    theirs = client.get(place.format(request_id), headers={"x-api-key": other})

    assert unknown.status_code == theirs.status_code == 404
    assert unknown.text.replace(NEVER, request_id) == theirs.text
    assert client.get(place.format(request_id), headers={"x-api-key": ""}).json()["code"] == "missing_key"


def test_a_request_that_expires_during_the_wait_is_a_404(meanwhile, redis, request_id):
    answer = meanwhile(STATUS.format(request_id), params=SECONDS)
    redis.delete(keyspace.request(request_id))
    redis.publish(keyspace.CHANGES, f"{request_id} COMPLETED")

    assert answer().status_code == 404
