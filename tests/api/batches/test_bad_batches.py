"""Batches that are refused: every fault is named by its place, and nothing is accepted."""

import json
import os
import socket
import time
from pathlib import Path

import pytest
from redis import Redis

from jobs import keyspace
from jobs.keys.key_rules import Scope
from jobs.webhooks.secrets import OFF
from tests import edge
from tests.api.batches.conftest import NDJSON, lines
from tests.api.conftest import refused
from tests.stack import empty_database, environment, running

URLS = {"base_image": "https://shop.example/1.jpg", "overlay_image": "https://shop.example/logo.png"}
ONE = {"requests": [URLS]}
MOST_BYTES = 4 * 1024 * 1024
MOST_LINE = 1024 * 1024
MOST_WAITING = 50


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    """An API without workers."""
    limits = {"max_batch_bytes": MOST_BYTES, "max_body_bytes": MOST_LINE, "max_waiting_per_key": MOST_WAITING}
    folder = tmp_path_factory.mktemp("bad")
    env = environment(empty_database(redis_socket, 5), folder, access_log="true", **limits)
    with (folder / "api.log").open("wb") as log, running(env, workers=0, log=log) as stack:
        yield stack


@pytest.fixture(autouse=True)
def nothing_is_accepted(stack):
    """After each test there are no new requests, pictures or batches."""
    before = stored(stack)
    yield
    assert stored(stack) == before


def stored(stack):
    with Redis.from_url(stack.env["SUPERIMPOSE_REDIS_URL"]) as redis:
        patterns = (keyspace.request("*"), keyspace.batch("*"), keyspace.batch_requests("*"), "rq:job:*")
        keys = {key for pattern in patterns for key in redis.scan_iter(pattern, count=1000)}
        waiting = redis.zcard(keyspace.WAITING)
    store = Path(stack.env["SUPERIMPOSE_DATA_DIR"]) / "store"
    return keys, waiting, {f"{folder}/{name}" for folder, _, names in os.walk(store) for name in names}


def faults(answer, code="invalid_parameters"):
    refused(answer, 400, code)
    return {each["field"]: each["message"] for each in answer.json()["errors"]}


def named(count, **more):
    return [{**URLS, "custom_id": f"sku-{number}", **more} for number in range(count)]


@pytest.mark.parametrize("body", [{"requests": []}, b"", b"\n \r\n\n", lines({"defaults": URLS})])
def test_a_batch_without_requests_is_refused(client, body):
    assert faults(client.submit(body)) == {"requests": "must have at least 1 item"}


@pytest.mark.parametrize("as_sent", [lambda each: {"requests": each}, lambda each: lines(*each)])
def test_a_batch_of_5001_is_refused(client, as_sent):
    found = faults(client.submit(as_sent([URLS] * 5001)))

    assert found["requests"].startswith("must have at most 5000 items")


@pytest.mark.parametrize(
    ("as_sent", "count"), [(lambda each: {"requests": each}, MOST_WAITING), (lambda each: lines(*each), 5000)]
)
def test_one_invalid_request_among_many_is_named_by_its_index(client, as_sent, count):
    requests = [{"base_image": f"https://a.example/{n}", "color": "#000"} for n in range(count)]
    requests[-3]["opacity"] = 2

    found = faults(client.submit(as_sent(requests)))

    [(field, message)] = found.items()
    assert field == f"requests[{count - 3}].opacity"
    assert message.startswith("2 is not allowed: must be less than or equal to 1")
    assert (f"(line {count - 2})" in message) == (as_sent(requests).__class__ is bytes)


def test_all_requests_are_checked_and_the_first_100_faults_reported(client):
    requests = [{**URLS, "opacity": 2, "rotation": "x"} for _ in range(300)]

    found = faults(client.submit(lines(*requests)))

    names = [f"requests[{number}].{name}" for number in range(50) for name in ("rotation", "opacity")]
    assert set(found) == set(names)


def test_faults_of_every_kind_are_in_one_response(client):
    body = {
        "requests": [
            {**URLS, "custom_id": "same"},
            {**URLS, "custom_id": "same"},
            {**URLS, "color": "#000"},
            {"overlay_image": "http://a.example/a.png"},
            "no object",
            {**URLS, "custom_id": "x" * 65},
            {**URLS, "base_image": "bm90IGJhc2U2NA==="},
            {**URLS, "opactiy": 1},
            {**URLS, "overlays": [{"opacity": 3, "overlay_image": "https://a.example"}]},
        ]
    }

    found = faults(client.submit(body))

    assert found["requests[1].custom_id"] == "is that of requests[0] too: each needs its own"
    assert "contradict each other" in found["requests[2]"]
    assert found["requests[3].base_image"] == "is required"
    assert found["requests[4]"] == "must be one JSON object"
    assert "at most 64 characters" in found["requests[5].custom_id"]
    assert "is not valid base64" in found["requests[6].base_image"]
    assert found["requests[7].opactiy"].startswith("is not a parameter; known are ")
    assert "requests[8].overlays[0].opacity" in found


def test_unusable_pictures_are_reported(client, stack):
    body = {
        "requests": [
            URLS,
            {**URLS, "base_image": f"{stack.url}/pictures/nobodys.jpeg"},
            {**URLS, "mask": "file:///etc/passwd"},
            {**URLS, "mask": "bm90 IGE"},
        ]
    }

    found = faults(client.submit(body))

    assert "does not exist or has expired: upload it again" in found["requests[1].base_image"]
    assert "must begin with http:// or https://" in found["requests[2].mask"]
    assert set(found) == {"requests[1].base_image", "requests[2].mask"}


def test_faults_of_defaults_are_reported_once_and_requests_checked_without_them(client):
    body = {
        "defaults": {"opacity": 2, "custom_id": "all", "mask": "file:///etc/passwd"},
        "requests": [*[URLS] * 20, {"base_image": "https://a.example/1.jpg", "rotation": 361}],
    }

    found = faults(client.submit(body))

    assert set(found) == {
        "defaults.custom_id",
        "defaults.opacity",
        "defaults.mask",
        "requests[20].rotation",
    }


def test_a_contradiction_with_the_defaults_is_reported_at_the_request(client):
    body = {"defaults": {"overlay_image": "https://a.example/1.png"}, "requests": [{**URLS, "color": "#000"}]}

    assert "overlay_image and color contradict each other" in faults(client.submit(body))["requests[0]"]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ([], "body", "must be one JSON object"),
        ({}, "requests", "is required"),
        ({"requests": {}}, "requests", "an object is not allowed: must be a list"),
        ({"requests": None}, "requests", "must be a list"),
        ({**ONE, "defaults": []}, "defaults", "a list is not allowed"),
        (
            {**ONE, "webhook_events": ["completed"]},
            "webhook_events",
            "is not a parameter; known are defaults",
        ),
        ({**ONE, "webhook_url": 5}, "webhook_url", "5 is a number; send it in quotes"),
        (lines({"defaults": {}, "requests": []}), "requests", "is not a parameter; known are defaults"),
        (lines({"webhook_url": 5}, URLS), "webhook_url", "5 is a number; send it in quotes"),
        (lines([]), "requests[0]", "must be one JSON object (line 1)"),
        (lines(URLS)[:-9], "requests[0]", "must be one JSON object: EOF"),
        (b"{}\n" + lines(URLS) + b"no JSON", "requests[2]", "must be one JSON object: expected ident"),
        (lines(URLS, {"defaults": {}}), "requests[1].defaults", "is not a parameter"),
        (b"\n" * 20_001, "body", "has more than 20,000 lines"),
        (b"\xff\xfe{}", "requests[0]", "must be one JSON object"),
        (b"[" * 5000, "requests[0]", "must be one JSON object: recursion limit exceeded"),
        (b'{"a":' + b"[0," * 20000 + b"0]", "requests[0]", "has too many values"),
    ],
)
def test_an_invalid_batch_is_refused(client, body, field, message):
    assert message in faults(client.submit(body))[field]


def test_too_many_values_in_one_json_object_are_refused_recommending_ndjson(client):
    body = b'{"requests":[' + b"[]," * 250_000 + b"[]]}"

    answer = client.post("/v2/superimpose/batch", content=body, headers={"content-type": "application/json"})

    assert faults(answer) == {
        "body": "has too many values for one JSON object: send one request per line as application/x-ndjson"
    }


def test_another_content_type_is_refused_naming_both(client):
    answer = client.post("/v2/superimpose/batch", content=b"{}", headers={"content-type": "text/csv"})

    assert f"application/json, or one request per line with {NDJSON}" in faults(answer)["body"]


def test_an_encoded_body_is_refused(client):
    refused(client.submit(lines(URLS), content_encoding="gzip"), 415, "unsupported_encoding")


def test_lines_and_bodies_have_a_maximum_size(client):
    many = lines(*[URLS] * 400)[:-1] + b" " * 60000 + b"\n"

    def too_many():
        yield lines(*[URLS] * 9)
        for _ in range(3 * MOST_BYTES // len(many)):
            yield many

    long_line = lines(URLS) + b"\n" + b" " * MOST_LINE + lines(URLS)
    headers = {"content-type": NDJSON}

    assert "line 3 is too long, at most 1,048,576 bytes" in refused(
        client.submit(long_line), 413, "body_too_large"
    )
    announced = client.submit(lines(*[URLS] * 100) + b" " * MOST_BYTES)
    assert "at most 4,194,304 bytes" in refused(announced, 413, "body_too_large")
    streamed = client.post(
        "/v2/superimpose/batch",
        content=(b" " * 60000 + b"\n" for _ in range(MOST_BYTES // 60000 + 2)),
        headers=headers,
    )
    refused(streamed, 413, "body_too_large")
    refused(client.submit({"requests": [{"base_image": "A" * MOST_LINE}]}), 413, "body_too_large")
    refused(
        client.post("/v2/superimpose/batch", content=too_many(), headers=headers), 400, "invalid_parameters"
    )


@pytest.mark.parametrize("sent", [0.5, 0.999])
def test_nothing_of_an_incomplete_body_is_accepted(stack, client, sent):
    body = lines(*named(400, mask="AAAA"))
    head = edge.head(
        "/v2/superimpose/batch",
        "POST",
        x_api_key=client.headers["x-api-key"],
        content_type=NDJSON,
        content_length=len(body),
    )
    answered = calls(stack)
    port = int(stack.url.rpartition(":")[2])

    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head + body[: int(len(body) * sent)])

    while calls(stack) == answered:
        time.sleep(0.01)


def calls(stack):
    """The number of batch calls in the access log, including those of disconnected clients."""
    return Path(stack.log.name).read_text().count("POST /v2/superimpose/batch 400 ")


def test_a_batch_without_credits_for_all_requests_is_refused(client_of):
    poor = client_of(credits=5)

    found = refused(poor.submit({"requests": named(10)}), 406, "not_enough_credits")

    assert "this needs 10 and the key has 5" in found
    assert poor.get("/v1/get-user-credits").json()["credits"] == 5
    refused(client_of(credits=0).submit(b"no JSON at all"), 406, "not_enough_credits")


def test_a_batch_without_queue_space_for_all_requests_is_refused(client):
    answer = client.submit({"requests": named(100)})

    found = refused(answer, 429, "queue_full")
    assert found.startswith("the queue has no space for these 100 requests: at most 50 requests of this key")
    assert int(answer.headers["retry-after"]) > 0


def test_a_json_batch_is_refused_for_lack_of_queue_space_before_its_requests_are_checked(client):
    requests = [*named(99), {**URLS, "opacity": 2}]

    refused(client.submit({"requests": requests}), 429, "queue_full")
    refused(client.submit(lines(*requests)), 400, "invalid_parameters")


def test_a_webhook_is_refused_if_webhooks_are_off(client):
    for body in (
        {**ONE, "webhook_url": "https://example.com"},
        {"requests": [{**URLS, "webhook_url": "https://example.com"}]},
    ):
        assert refused(client.submit(body), 400, "webhooks_off") == OFF


def test_headers_are_checked_as_those_of_a_submit(client):
    answer = client.submit(ONE, idempotency_key="", x_timeout="0", x_start_timeout="soon")

    assert set(faults(answer)) == {"Idempotency-Key", "X-Timeout", "X-Start-Timeout"}


def test_a_key_needs_the_scope_and_credits_of_a_submit(client, client_of):
    refused(client_of(scopes=[Scope.UPLOAD]).submit(ONE), 403, "missing_scope")
    refused(client.submit(ONE, x_api_key="wrong"), 401, "invalid_key")
    refused(client.submit(ONE, x_api_key=""), 401, "missing_key")


def test_an_unknown_model_is_a_404_naming_the_known_ones(client):
    assert "/v2/superimpose" in refused(client.submit(ONE, model="watermark"), 404, "unknown_model")


@pytest.mark.parametrize("path", ["", "/requests", "/results", "?wait=5"])
def test_an_unknown_batch_is_a_404(client, path):
    refused(client.get(f"/v2/batches/8b4f3c9e-6f0e-4a53-9a5b-0a9c7f2d1e11{path}"), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v2/superimpose/batch", "POST"),
        ("HEAD", "/v2/superimpose/batch", "POST"),
        ("OPTIONS", "/v2/superimpose/batch", "POST"),
        ("POST", "/v2/batches", "GET"),
        ("OPTIONS", "/v2/batches", "GET"),
        ("DELETE", "/v2/batches/an-id", "GET"),
        ("HEAD", "/v2/batches/an-id/results", "GET"),
        ("GET", "/v2/batches/an-id/cancel", "POST"),
        ("POST", "/archives/a.zip", "GET, HEAD"),
    ],
)
def test_another_method_is_a_405_naming_the_allowed_ones(client, method, path, allowed):
    answer = client.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        assert json.loads(answer.text)["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("", {"limit": 0}, "limit"),
        ("", {"before": "yesterday"}, "before"),
        ("", {"status": "QUEUED"}, "status"),
    ],
)
def test_an_invalid_query_parameter_is_named(client, path, query, field):
    assert field in faults(client.get(f"/v2/batches{path}", params=query))
