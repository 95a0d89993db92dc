"""A key's own requests: list, retry, delete."""

import base64
from datetime import datetime
from pathlib import Path

import pytest
from redis import Redis

from api.http.validation import MAX_LISTED
from jobs.keys.api_keys import ApiKeys
from jobs.keys.key_rules import Scope
from tests.api.conftest import refused
from tests.origin import CUP, LOGO
from tests.stack import empty_database, environment, running

INLINE = {name: base64.b64encode(file).decode() for name, file in (("base_image", CUP), ("mask", LOGO))}
BROKEN = {"mask": "bm90IGEgcGljdHVyZQ=="}
UNREACHABLE = "https://shop.example/cup.jpg"


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    env = environment(empty_database(redis_socket, 5), tmp_path_factory.mktemp("own"), job_timeout_s=10)
    with running(env, workers=1) as stack:
        yield stack


@pytest.fixture(scope="module")
def keys(stack):
    with Redis.from_url(stack.env["SUPERIMPOSE_REDIS_URL"]) as redis:
        yield ApiKeys(redis)


def listed(client, **query):
    answer = client.get("/v2/requests", params=query)
    assert answer.status_code == 200, answer.text
    return [each["request_id"] for each in answer.json()["requests"]]


def stored(stack):
    store = Path(stack.env["SUPERIMPOSE_DATA_DIR"]) / "store"
    return {path for path in store.rglob("*") if path.is_file()}


def test_requests_are_listed_newest_first_with_their_outcome(client, samples):
    done = client.submit(**samples, custom_id="done", base64=True)
    failed = client.submit(**samples | BROKEN)
    result = client.end(done).json()
    status = client.end(failed).json()

    answer = client.get("/v2/requests").json()

    [second, first] = answer["requests"]
    assert answer["next"] is None
    urls = {
        name: f"{client.base_url}/v2/requests/{done}{end}"
        for name, end in (("status_url", "/status"), ("response_url", ""))
    }
    picture = {"output": result["images"][0]["url"]}
    assert first == {**result, **picture, **urls, "created_at": first["created_at"]}
    assert {**status, "created_at": second["created_at"]}.items() <= second.items()
    assert datetime.fromisoformat(first["created_at"]) <= datetime.fromisoformat(second["created_at"])
    assert datetime.fromisoformat(first["expires_at"]) > datetime.fromisoformat(first["created_at"])


def test_a_list_is_read_page_by_page(client):
    ids = [client.submit(base_image=UNREACHABLE, overlay_image=UNREACHABLE) for _ in range(5)][::-1]

    seen, before = [], ""
    while before is not None:
        answer = client.get("/v2/requests", params={"limit": 2, "before": before}).json()
        seen.append([each["request_id"] for each in answer["requests"]])
        before = answer["next"]

    assert seen == [ids[:2], ids[2:4], ids[4:]]


def test_a_list_can_be_filtered_by_status_and_custom_id(client, samples):
    done = client.submit(**samples, custom_id="Größe №3/a&b")
    failed = client.submit(**samples | BROKEN, custom_id="Größe №3/a&b")
    other = client.submit(**samples, custom_id="Größe")
    for request_id in (done, failed, other):
        client.end(request_id)

    assert listed(client, custom_id="Größe №3/a&b") == [failed, done]
    assert listed(client, status="COMPLETED") == [other, done]
    assert listed(client, custom_id="Größe №3/a&b", status="FAILED") == [failed]
    assert listed(client, custom_id="Gr") == listed(client, status="QUEUED") == []


def test_a_list_has_only_requests_of_the_key(client, client_of, samples):
    client.submit(**samples, custom_id="mine")

    other = client_of()

    assert listed(other) == listed(other, custom_id="mine") == []
    refused(other.get("/v2/requests", headers={"x-api-key": "wrong"}), 401, "invalid_key")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"status": "queued"}, "must be 'QUEUED', 'PROCESSING', 'COMPLETED' or 'FAILED'"),
        ({"limit": "0"}, 'limit: "0" is not allowed: must be greater than or equal to 1'),
        ({"limit": str(MAX_LISTED + 1)}, "must be less than or equal to 100"),
        ({"limit": "many"}, "must be a valid integer"),
        (
            {"before": "yesterday"},
            'before: "yesterday" is not allowed: must be the value of "next" in a page',
        ),
        ({"before": "-1"}, 'must be the value of "next" in a page'),
        ({"before": "1" * 17}, 'must be the value of "next" in a page'),
        ({"custom_id": "x" * 65}, "must have at most 64 characters"),
        ({"custom_id": "a\nb"}, "must have printable characters only"),
        ({"stauts": "FAILED"}, "stauts: is not a parameter; known are status, custom_id, limit, before"),
    ],
)
def test_an_invalid_query_is_refused(client, query, message):
    answer = client.get("/v2/requests", params=query)

    assert message in refused(answer, 400, "invalid_parameters")
    assert [each["field"] for each in answer.json()["errors"]] == [*query]


def test_all_faults_of_a_query_are_in_one_response(client):
    answer = client.get("/v2/requests", params={"status": "x", "limit": "x", "before": "x"})

    assert [each["field"] for each in answer.json()["errors"]] == ["status", "limit", "before"]


def test_a_request_is_retried_with_its_inline_inputs(client, stack):
    body = {**INLINE, "overlay_image": INLINE["base_image"], "opacity": 0.5, "custom_id": "again"}
    first = client.submit(**body)
    made = client.end(first).json()
    before = stored(stack)

    answer = client.post(f"/v2/requests/{first}/retry")

    again = answer.json()
    assert answer.status_code == 200
    assert again.keys() == client.post("/v2/superimpose", json=body).json().keys()
    assert (again["custom_id"], again["request_id"] != first) == ("again", True)
    made_again = client.end(again["request_id"]).json()
    pictures = [client.get(each["output"]).content for each in (made, made_again)]
    assert pictures[0] == pictures[1]
    assert before <= stored(stack), "the first has its own still"
    assert listed(client, custom_id="again")[-1:] == [first]


@pytest.mark.parametrize("model", ["superimpose", "superimpose-v2"])
def test_a_request_is_retried_with_its_model(client, samples, model):
    first = client.post(f"/v2/{model}", json=samples).json()["request_id"]
    made = client.end(first).json()

    again = client.end(client.post(f"/v2/requests/{first}/retry").json()["request_id"]).json()

    assert client.get(again["output"]).content == client.get(made["output"]).content


def test_a_repeated_retry_is_the_same_request(client, samples, stack):
    first = client.submit(**samples, mask=INLINE["mask"])
    client.end(first)

    def retry():
        return client.post(f"/v2/requests/{first}/retry", headers={"idempotency-key": "once"})

    before, made, again = stored(stack), retry(), retry()

    assert again.json() == made.json()
    assert again.headers["idempotent-replayed"] == "true"
    client.end(made.json()["request_id"])
    assert len(stored(stack) - before) == 2, "its picture and its mask, and no second copy of that"
    conflict = client.post("/v2/superimpose", json=samples, headers={"idempotency-key": "once"})
    refused(conflict, 409, "idempotency_conflict")
    wrong = client.post(f"/v2/requests/{first}/retry", headers={"idempotency-key": ""})
    assert "Idempotency-Key: must have" in refused(wrong, 400, "invalid_parameters")


def test_a_request_that_cannot_be_retried_is_refused_with_the_reason(client, samples, stack):
    waiting = client.submit(base_image=UNREACHABLE, overlay_image=UNREACHABLE)
    client.end(waiting)
    long = client.submit(**samples | {"base_image": f"{UNREACHABLE}?{'a' * 2000}"})
    client.end(long)
    gone = client.submit(**samples, mask=INLINE["mask"])
    client.end(gone)
    for path in stored(stack):
        if "inputs" in path.parts:
            path.unlink()

    text = refused(client.post(f"/v2/requests/{long}/retry"), 409, "cannot_retry")
    assert "are no longer stored: a FAILED request keeps only those of up to 1,024 bytes" in text
    text = refused(client.post(f"/v2/requests/{gone}/retry"), 409, "cannot_retry")
    assert "its mask is no longer stored" in text
    refused(client.post("/v2/requests/unknown/retry"), 404, "not_found")


def test_a_retry_needs_the_scope_and_credits_of_a_submit(client, client_of, samples, keys):
    first = client.submit(**samples)
    client.end(first)
    poor = client_of(credits=1)
    spent = poor.submit(**samples)
    poor.end(spent)

    refused(client_of().post(f"/v2/requests/{first}/retry"), 404, "not_found")
    refused(client_of(scopes=[Scope.UPLOAD]).post(f"/v2/requests/{first}/retry"), 403, "missing_scope")
    refused(poor.post(f"/v2/requests/{spent}/retry"), 406, "not_enough_credits")


def test_a_request_is_deleted_with_its_picture_and_inline_inputs(client, stack, samples):
    before = stored(stack)
    request_id = client.submit(**samples, mask=INLINE["mask"], custom_id="gone")
    picture = client.end(request_id).json()["output"]
    assert len(stored(stack) - before) == 2

    answer = client.delete(f"/v2/requests/{request_id}")

    assert (answer.status_code, answer.content) == (204, b"")
    for path in (f"/v2/requests/{request_id}", f"/v2/requests/{request_id}/status", picture):
        refused(client.get(path), 404, "not_found")
    assert stored(stack) == before
    assert listed(client) == listed(client, custom_id="gone") == []
    refused(client.delete(f"/v2/requests/{request_id}"), 404, "not_found")


def test_an_unfinished_request_cannot_be_deleted(client_of, redis_socket, tmp_path, samples):
    env = environment(empty_database(redis_socket, 6), tmp_path)
    with running(env, workers=0) as waiting:
        request_id = waiting.submit(base_image=UNREACHABLE, overlay_image=UNREACHABLE)

        answer = waiting.client.delete(f"/v2/requests/{request_id}")
        retried = waiting.client.post(f"/v2/requests/{request_id}/retry")

        assert "cancel it first" in refused(answer, 409, "not_finished")
        assert f"{request_id} is QUEUED: cancel it first" in refused(retried, 409, "cannot_retry")
        assert waiting.status(request_id).json()["status"] == "QUEUED"
        waiting.client.post(f"/v2/requests/{request_id}/cancel")
        assert waiting.client.delete(f"/v2/requests/{request_id}").status_code == 204


def test_a_request_of_another_key_cannot_be_deleted(client, client_of, samples):
    request_id = client.submit(**samples)
    client.end(request_id)

    refused(client_of().delete(f"/v2/requests/{request_id}"), 404, "not_found")

    assert client.end(request_id).status_code == 200


def test_lists_have_a_rate_limit_of_their_own(client):
    policies = {
        path: client.get(path).headers["ratelimit-policy"]
        for path in ("/v2/requests", "/v1/get-user-credits")
    }

    assert policies == {"/v2/requests": '"list";q=600;w=60', "/v1/get-user-credits": '"read";q=120000;w=60'}
