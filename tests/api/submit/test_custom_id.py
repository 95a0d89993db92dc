"""`custom_id`: the client's name for a request, in responses, in the record and in logs."""

import json

import pytest
from redis import Redis

from compositor.models import MODELS
from jobs import keyspace
from jobs.lifecycle.options import MAX_CUSTOM_ID_LENGTH
from tests.stack import empty_database, environment, running

NAME = "sku 4711/växel №3"


@pytest.mark.parametrize("model", MODELS)
def test_it_is_in_every_response_about_the_request(service, samples, model):
    submitted = service.client.post(f"/v2/{model}", json=samples | {"custom_id": NAME}).json()
    request_id = submitted["request_id"]
    status = service.finish(request_id).json()
    result = service.client.get(f"/v2/requests/{request_id}").json()
    stream = service.client.get(f"/v2/requests/{request_id}/status/stream").text

    event = json.loads(stream.partition("data: ")[2].partition("\n")[0])
    assert [each["custom_id"] for each in (submitted, status, result, event)] == [NAME] * 4


def test_it_is_in_the_responses_of_cancelled_and_failed_requests(service, samples):
    broken = samples | {"mask": "bm90IGEgcGljdHVyZQ==", "custom_id": NAME}
    failed = service.submit(**broken)

    assert service.finish(failed).json()["custom_id"] == NAME
    waited = service.client.post("/v1/superimpose", json=broken)
    assert (waited.status_code, waited.json()["custom_id"]) == (400, NAME)


def test_v1_returns_it_in_json_responses(service, samples):
    answer = service.client.post("/v1/superimpose", json=samples | {"custom_id": NAME, "base64": True})

    assert set(answer.json()) == {"image", "custom_id"}
    assert answer.json()["custom_id"] == NAME


def test_without_one_no_response_has_the_field(service, samples):
    submitted = service.client.post("/v2/superimpose", json=samples | {"custom_id": None}).json()
    request_id = submitted["request_id"]

    ended = service.finish(request_id).json()

    result = service.client.get(f"/v2/requests/{request_id}").json()
    assert not any("custom_id" in each for each in (submitted, ended, result))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("", 'custom_id: "" is not allowed: must have at least 1 character'),
        ("x" * (MAX_CUSTOM_ID_LENGTH + 1), "must have at most 64 characters"),
        ("two\nlines", r'custom_id: "two\nlines" is not allowed: must have printable characters only'),
        ("nul\0", "must have printable characters only"),
        ("turned\u202eround", "must have printable characters only"),
        (4711, "custom_id: 4711 is a number; send it in quotes"),
        (["a"], "custom_id: a list is not allowed: must be a string"),
    ],
)
def test_an_invalid_name_is_refused_by_its_field(service, samples, wrong, message):
    answer = service.client.post("/v2/superimpose", json=samples | {"custom_id": wrong})

    assert answer.status_code == 400
    assert message in answer.json()["error"]
    assert [each["field"] for each in answer.json()["errors"]] == ["custom_id"]


def test_a_name_of_maximum_length_in_any_script_is_accepted(service, samples):
    longest = "商品" * (MAX_CUSTOM_ID_LENGTH // 2)

    answer = service.client.post("/v2/superimpose", json=samples | {"custom_id": longest})

    assert answer.json()["custom_id"] == longest


def test_its_faults_are_reported_with_those_of_the_parameters(service, samples):
    body = samples | {"custom_id": "", "opacity": 7, "mask": "@@@", "rotation": "90"}

    answer = service.client.post("/v2/superimpose", json=body)

    fields = [each["field"] for each in answer.json()["errors"]]
    assert sorted(fields) == ["custom_id", "mask", "opacity", "rotation"]


def test_a_misspelled_field_is_refused_naming_the_right_one(service, samples):
    answer = service.client.post("/v2/superimpose", json=samples | {"customId": "a"})

    assert "customId: is not a parameter; known are" in answer.json()["error"]
    assert "custom_id" in answer.json()["error"]


def test_the_record_stores_it_apart_from_the_parameters(service, samples, redis_socket):
    request_id = service.submit(**samples, custom_id=NAME)

    with Redis.from_url(f"unix://{redis_socket}?db=0") as redis:
        custom_id, params = redis.hmget(keyspace.request(request_id), "custom_id", "params")

    assert custom_id.decode() == NAME
    assert json.loads(params).keys() == samples.keys()


def test_another_name_with_the_same_idempotency_key_is_a_conflict(service, samples):
    def submit(**more):
        headers = {"idempotency-key": "of-a-custom-id"}
        return service.client.post("/v2/superimpose", json=samples | more, headers=headers)

    first = submit(custom_id="a")

    assert submit(custom_id="a").json() == first.json()
    for other in ({"custom_id": "b"}, {}):
        assert (submit(**other).status_code, submit(**other).json()["code"]) == (409, "idempotency_conflict")


def test_it_is_described_in_the_body_of_each_model(service):
    document = service.client.get("/openapi.json").json()

    for model in MODELS:
        body = document["paths"][f"/v2/{model}"]["post"]["requestBody"]["content"]["application/json"]
        schema = document["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
        [rule, _] = schema["properties"]["custom_id"]["anyOf"]
        assert (rule["minLength"], rule["maxLength"]) == (1, MAX_CUSTOM_ID_LENGTH)


def test_log_lines_about_a_request_have_it(redis_socket, tmp_path):
    url = empty_database(redis_socket, 5)
    env = environment(url, tmp_path, log_format="json", access_log=True)
    with (tmp_path / "log").open("wb") as log, running(env, log=log) as stack:
        samples = dict.fromkeys(("base_image", "overlay_image"), f"{stack.url}/samples/cup.jpg")
        done = stack.submit(**samples, custom_id="named")
        failed = stack.submit(**samples, mask="http://10.0.0.1/a.png", custom_id="named")
        for request_id in (done, failed):
            stack.finish(request_id)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]

    about = [line for line in lines if line.get("request_id") in (done, failed)]
    loggers = {line["logger"] for line in about}
    assert loggers >= {f"superimpose.{part}" for part in ("access", "api", "fetch", "jobs", "worker")}
    assert {line.get("custom_id") for line in about} == {"named"}
