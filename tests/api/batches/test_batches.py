"""A batch from submit to results, with a real worker."""

import io
import json
from base64 import b64encode
from pathlib import Path
from zipfile import ZipFile

import pytest

from jobs.config.settings import Settings
from tests import origin as origins
from tests.api.batches.conftest import lines
from tests.api.conftest import refused
from tests.origin import LOGO
from tests.stack import empty_database, environment, running
from tests.webhook_events import MASTER
from tests.webhooks.receiver import receiving

COUNTS = ("total", "queued", "processing", "completed", "failed")


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    env = environment(
        empty_database(redis_socket, 5),
        tmp_path_factory.mktemp("batches"),
        webhook_secret=MASTER,
        webhook_http="true",
        fetch_allow="127.0.0.1/32",
        fetch_timeout_s=25,
    )
    with running(env, workers=1) as stack:
        stack.start("cli", "webhooks")
        yield stack


def counts(batch):
    return tuple(batch["request_counts"][name] for name in COUNTS)


@pytest.fixture
def shop():
    """A picture server whose hanging responses the test can release."""
    with origins.serving() as shop:
        yield shop


@pytest.fixture
def held(client, samples, shop):
    """A batch with some requests PROCESSING until the shop responds, and others QUEUED."""
    batch = client.accepted({"requests": [{**samples, "base_image": f"{shop.url}/hangs.jpg"}] * 40})
    shop.await_request("/hangs.jpg")
    yield batch
    shop.release.set()
    client.end(batch["batch_id"])


def test_a_batch_is_accepted_processed_and_read(client, samples):
    body = {
        "defaults": {"overlay_image": samples["overlay_image"], "opacity": 0.5},
        "requests": [{"custom_id": f"sku-{n}", "base_image": samples["base_image"]} for n in range(30)],
    }

    answer = client.submit(body)

    accepted = answer.json()
    assert answer.status_code == 200
    url = f"{client.base_url}/v2/batches/{accepted['batch_id']}"
    assert accepted["status_url"] == url
    assert accepted["results_url"] == f"{url}/results"
    assert accepted["requests_url"] == f"{url}/requests"
    assert accepted["cancel_url"] == f"{url}/cancel"
    assert sum(counts(accepted)) == 60
    ended = client.end(accepted["batch_id"])
    assert (ended["status"], counts(ended)) == ("COMPLETED", (30, 0, 0, 30, 0))
    assert ended["expires_at"] > ended["finished_at"] > ended["created_at"]
    results = {each["custom_id"]: each for each in client.results(accepted["batch_id"])}
    assert set(results) == {f"sku-{n}" for n in range(30)}
    one = results["sku-7"]
    assert client.get(f"/v2/requests/{one['request_id']}").json() == one
    assert client.get(one["output"]).content == client.get(results["sku-8"]["output"]).content


def test_its_requests_are_listed_in_their_order(client, samples):
    names = [f"sku-{n}" for n in range(120)]
    batch_id = client.accepted({"requests": [{**samples, "custom_id": name} for name in names]})["batch_id"]
    client.end(batch_id)

    shown = client.requests(batch_id, offset=15, limit=100)

    assert [each["custom_id"] for each in shown] == names[15:115]
    assert {each["status"] for each in shown} == {"COMPLETED"}
    assert {each["batch_id"] for each in shown} == {batch_id}
    assert [each["custom_id"] for each in client.requests(batch_id)] == names[:50]
    assert [each["custom_id"] for each in client.requests(batch_id, offset=119)] == names[119:]
    assert client.requests(batch_id, offset=120) == []
    assert client.get(f"/v2/batches/{batch_id}/requests").json()["total"] == 120
    assert client.get("/v2/requests", params={"limit": 2}).json()["requests"] == shown_last(client, batch_id)


def shown_last(client, batch_id):
    """Its last two requests as in the list of all requests, newest first."""
    return client.requests(batch_id, offset=118)[::-1]


def test_each_line_of_ndjson_is_a_request(client, samples):
    head = {"defaults": {"overlay_image": samples["overlay_image"], "opacity": 0.25}}
    requests = [{"custom_id": f"sku-{n}", "base_image": samples["base_image"]} for n in range(3)]
    windows = b"\xef\xbb\xbf" + lines(head, *requests).replace(b"\n", b"\r\n \r\n\r\n").rstrip()

    batches = [client.accepted(body)["batch_id"] for body in (windows, {**head, "requests": requests})]

    pictures = []
    for batch_id in batches:
        client.end(batch_id)
        results = {each["custom_id"]: each for each in client.results(batch_id)}
        assert set(results) == {"sku-0", "sku-1", "sku-2"}
        pictures.append(client.get(results["sku-1"]["output"]).content)
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("model", ["superimpose", "superimpose-v2"])
def test_a_request_overrides_a_default_and_null_selects_the_models_own(client, samples, model):
    def made(**params):
        request_id = client.post(f"/v2/{model}", json={**samples, **params}).json()["request_id"]
        output = client.get(f"/v2/requests/{request_id}", params={"wait": 30}).json()["output"]
        return client.get(output).content

    names = {"default": {}, "own": {"opacity": 0.25}, "null": {"opacity": None}}
    body = {
        "defaults": {**samples, "opacity": 0.75, "image_format": "png"},
        "requests": [{"custom_id": name, **own} for name, own in names.items()],
    }

    batch_id = client.accepted(body, model=model)["batch_id"]

    client.end(batch_id)
    got = {each["custom_id"]: client.get(each["output"]).content for each in client.results(batch_id)}
    assert got["default"] == made(opacity=0.75, image_format="png")
    assert got["own"] == made(opacity=0.25, image_format="png")
    assert got["null"] == made(image_format="png")
    assert len(set(got.values())) == 3


def test_a_failed_request_does_not_affect_others(client, samples):
    requests = [{**samples, "custom_id": "good"}, {**samples, "mask": "AAAA", "custom_id": "bad"}]
    batch_id = client.accepted({"requests": requests})["batch_id"]

    ended = client.end(batch_id)

    assert counts(ended) == (2, 0, 0, 1, 1)
    results = {each["custom_id"]: each for each in client.results(batch_id)}
    assert results["good"]["status"] == "COMPLETED"
    assert (results["bad"]["status"], results["bad"]["code"]) == ("FAILED", "invalid_image")
    assert client.get(f"/v2/requests/{results['bad']['request_id']}/status").json() == results["bad"]


def test_results_contain_base64_pictures_if_requested(client, samples):
    requests = [{**samples, "base64": True, "custom_id": "a"}, {**samples, "custom_id": "b"}]
    batch_id = client.accepted({"requests": requests})["batch_id"]
    client.end(batch_id)

    results = {each["custom_id"]: each for each in client.results(batch_id)}

    assert client.get(f"/v2/requests/{results['a']['request_id']}").json() == results["a"]
    assert not results["a"]["output"].startswith("http")
    assert results["b"]["output"].startswith("http")


def test_results_before_the_end_have_the_finished_requests(client, held):
    assert client.results(held["batch_id"]) == []
    assert client.get(f"/v2/batches/{held['batch_id']}").json()["status"] == "PROCESSING"


def test_a_waiting_call_is_answered_when_the_batch_ends(client, held, shop):
    waited = client.get(held["status_url"], params={"wait": 0.2}).json()
    assert waited["status"] == "PROCESSING"
    for wrong in ("61", "-1", "x"):
        assert "wait" in refused(
            client.get(held["status_url"], params={"wait": wrong}), 400, "invalid_parameters"
        )

    shop.release.set()

    assert counts(client.end(held["batch_id"])) == (40, 0, 0, 40, 0)


def test_a_cancelled_batch_starts_no_more_requests_and_ends(client, held, shop):
    first = client.post(f"/v2/batches/{held['batch_id']}/cancel")
    again = client.post(f"/v2/batches/{held['batch_id']}/cancel")

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["cancelled"] is True
    assert {**again.json(), "request_counts": 0} == {**first.json(), "request_counts": 0}
    assert counts(again.json())[1] == 0, "nothing waits any more"
    shop.release.set()
    ended = client.end(held["batch_id"])
    total, _, _, completed, failed = counts(ended)
    assert (total, completed + failed) == (40, 40)
    assert ended["cancelled"] is True
    assert failed > 0
    codes = {each.get("code") for each in client.results(held["batch_id"])}
    assert codes <= {"cancelled", None}
    refused(client.post(f"/v2/batches/{held['batch_id']}/cancel"), 409, "already_finished")


def test_a_batch_that_has_ended_cannot_be_cancelled(client, samples):
    batch_id = client.accepted({"requests": [samples]})["batch_id"]
    ended = client.end(batch_id)

    text = refused(client.post(f"/v2/batches/{batch_id}/cancel"), 409, "already_finished")

    assert "has ended already" in text
    assert client.get(f"/v2/batches/{batch_id}").json() == ended


def test_a_key_lists_only_its_own_batches_newest_first(client, client_of, samples):
    ids = [client.accepted({"requests": [samples]})["batch_id"] for _ in range(3)][::-1]
    other = client_of()

    first = client.get("/v2/batches", params={"limit": 2}).json()
    rest = client.get("/v2/batches", params={"limit": 2, "before": first["next"]}).json()

    assert [each["batch_id"] for each in first["batches"] + rest["batches"]] == ids
    assert rest["next"] is None
    assert first["batches"][0].keys() == client.get(f"/v2/batches/{ids[0]}").json().keys()
    assert other.get("/v2/batches").json() == {"batches": [], "next": None}


def test_a_batch_of_another_key_is_a_404(client, client_of, samples):
    batch = client.accepted({"requests": [samples]})
    client.end(batch["batch_id"])
    other = client_of()

    for url in (batch["status_url"], batch["requests_url"], batch["results_url"], batch["zip_url"]):
        refused(other.get(url), 404, "not_found")
    refused(other.get(batch["status_url"], params={"wait": 10}), 404, "not_found")
    refused(other.post(batch["cancel_url"]), 404, "not_found")
    for name in ("status_url", "requests_url", "results_url"):
        refused(client.get(batch[name], headers={"x-api-key": "wrong"}), 401, "invalid_key")


def test_a_key_without_the_submit_scope_may_read(client_of):
    reader = client_of(scopes=["upload"])

    assert reader.get("/v2/batches").json() == {"batches": [], "next": None}


def test_its_pictures_are_one_zip_that_needs_no_key(stack, client, samples):
    names = ["../../sku", "NUL", "same", "SAME", "\U0001d11e" * 64, "a/b"]
    requests = [{**samples, "custom_id": name} for name in names]
    batch = client.accepted(
        {"requests": [*requests, samples, {**samples, "mask": "AAAA", "custom_id": "bad"}]}
    )
    client.end(batch["batch_id"])

    answer = client.get(batch["zip_url"], headers={"x-api-key": ""})

    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{batch["batch_id"]}.zip"'
    archive = ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    unnamed = client.requests(batch["batch_id"])[6]["request_id"]
    assert archive.namelist() == [
        "_.._sku.jpeg",
        "_NUL.jpeg",
        "same.jpeg",
        "SAME-2.jpeg",
        "\U0001d11e" * 50 + ".jpeg",
        "a_b.jpeg",
        f"{unnamed}.jpeg",
        "missing.txt",
    ]
    assert archive.read("missing.txt").startswith(b"bad: mask: not an image file")
    picture = client.get(client.results(batch["batch_id"])[0]["output"]).content
    assert archive.read("same.jpeg") == picture
    head = client.head(batch["zip_url"], headers={"x-api-key": ""})
    assert (head.status_code, head.content) == (200, b"")
    for wrong in (batch["zip_url"].replace(".zip", "x.zip"), f"{stack.url}/archives/{batch['batch_id']}.zip"):
        refused(client.get(wrong), 404, "not_found")


def test_a_repeat_with_the_same_idempotency_key_is_the_same_batch_in_either_form(client, samples):
    head = {"defaults": samples}
    requests = [{"custom_id": "a", "opacity": 0.5}, {"opacity": 1, "custom_id": "b"}]
    first = client.submit({**head, "requests": requests}, idempotency_key="once")

    again = client.submit({"requests": requests, **head}, idempotency_key="once")
    as_lines = client.submit(
        lines(head, *[dict(reversed(each.items())) for each in requests]), idempotency_key="once"
    )

    for answer in (again, as_lines):
        assert answer.json()["batch_id"] == first.json()["batch_id"]
        assert answer.headers["idempotent-replayed"] == "true"
    assert len(client.get("/v2/requests").json()["requests"]) == 2
    others = [
        [{**requests[0], "opacity": 0.4}, requests[1]],
        [{**requests[0], "opacity": None}, requests[1]],
        requests[:1],
        [*requests, {}],
    ]
    for other in others:
        answer = client.submit({**head, "requests": other}, idempotency_key="once")
        refused(answer, 409, "idempotency_conflict")
    refused(
        client.post("/v2/superimpose", json=samples, headers={"idempotency-key": "once"}),
        409,
        "idempotency_conflict",
    )


def test_a_request_with_its_own_webhook_sends_its_event_beside_the_batchs(client, samples):
    with receiving() as of_batch, receiving() as of_request:
        body = {
            "requests": [{**samples, "webhook_url": of_request.url, "custom_id": "own"}, samples],
            "webhook_url": of_batch.url,
        }
        batch_id = client.accepted(body)["batch_id"]
        ended = client.end(batch_id)

        [event] = of_batch.await_calls(1)
        [own] = of_request.await_calls(1)

    payload = json.loads(event.body)
    assert payload.pop("type") == "batch.completed"
    assert payload.pop("timestamp") == ended["finished_at"]
    assert payload == ended
    assert event.headers["webhook-id"] == f"msg_{batch_id.replace('-', '')}_completed"
    payload = json.loads(own.body)
    assert (payload["type"], payload["custom_id"]) == ("request.completed", "own")


def test_a_request_of_a_batch_can_be_retried_and_deleted(client, samples):
    batch_id = client.accepted({"requests": [{**samples, "custom_id": "a"}, {**samples, "custom_id": "b"}]})[
        "batch_id"
    ]
    before = client.end(batch_id)
    one, other = client.requests(batch_id)

    retried = client.post(f"/v2/requests/{one['request_id']}/retry").json()
    assert client.delete(f"/v2/requests/{one['request_id']}").status_code == 204

    assert client.get(retried["response_url"], params={"wait": 30}).json()["custom_id"] == "a"
    gone, _ = client.results(batch_id)
    assert (gone["request_id"], gone["custom_id"], gone["code"]) == (one["request_id"], "a", "expired")
    assert client.requests(batch_id) == [gone, other]
    assert client.get(f"/v2/batches/{batch_id}").json() == before
    archive = ZipFile(io.BytesIO(client.get(before["zip_url"]).content))
    assert archive.namelist() == ["b.jpeg", "missing.txt"]
    assert archive.read("missing.txt").decode() == "a: it has expired, or was deleted\n"


def test_credits_of_a_batch_are_held_and_spent_like_those_of_submits(client_of, samples):
    client = client_of(credits=10)

    answer = client.submit({"requests": [{**samples, "custom_id": "bad", "mask": "AAAA"}, *[samples] * 3]})

    assert answer.headers["x-remaining-credits"] == "6"
    client.end(answer.json()["batch_id"])
    assert client.get("/v1/get-user-credits").json()["credits"] == 7


def test_a_picture_in_the_defaults_is_stored_once(stack, client, samples):
    folder = Path(stack.env["SUPERIMPOSE_DATA_DIR"]) / "store" / "inputs"
    before = {path for path in folder.rglob("*") if path.is_file()}
    body = {"defaults": {**samples, "overlay_image": b64encode(LOGO).decode()}, "requests": [{}] * 20}

    batch_id = client.accepted(body)["batch_id"]

    assert len({path for path in folder.rglob("*") if path.is_file()} - before) == 1
    assert counts(client.end(batch_id)) == (20, 0, 0, 20, 0)


def test_a_batch_of_maximum_size_is_accepted(client, samples):
    assert Settings.model_fields["max_body_bytes"].default > 5000 * 200
    requests = [{"base_image": f"https://shop.example/{n}.jpg", "color": "#000"} for n in range(5000)]

    batch = client.accepted({"requests": requests})

    assert counts(batch)[0] == 5000
    client.post(batch["cancel_url"])
    assert counts(client.end(batch["batch_id"]))[0] == 5000
