"""A repeated submit is the same request: over HTTP, concurrently, and after a lost response."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from jobs import keyspace
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.pictures.store import PictureStore
from tests.asking import accept, asked
from tests.stack import Stack, environment, forget, running

URLS = {"base_image": "https://shop.example/cup.jpg", "overlay_image": "https://shop.example/logo.png"}
INLINE = URLS | {"base_image": "bm90IGEgcGljdHVyZQ=="}


@pytest.fixture(scope="module")
def api(redis_socket, tmp_path_factory):
    env = environment(f"unix://{redis_socket}?db=1", tmp_path_factory.mktemp("api"), max_waiting=5)
    with running(env, workers=0) as stack:
        yield stack


@pytest.fixture
def stack(redis, api):
    """An API without workers: requests stay in the queue."""
    forget(api)
    return api


def submit(stack: Stack, key: object, body: object = URLS, path: str = "/v2/superimpose", **headers: str):
    return stack.client.post(path, json=body, headers={"idempotency-key": str(key)} | headers)


def test_a_repeated_submit_returns_the_same_request_and_says_so(redis, stack):
    first = submit(stack, "a")
    again = submit(stack, "a", dict(reversed(URLS.items())))

    assert first.status_code == again.status_code == 200
    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert redis.zcard(keyspace.WAITING) == 1


@pytest.mark.parametrize(
    ("body", "headers"), [(URLS | {"opacity": 0.5}, {}), (URLS, {"x-timeout": "7"}), (INLINE, {})]
)
def test_another_body_or_another_deadline_is_a_conflict(redis, stack, body, headers):
    submit(stack, "a")

    answer = submit(stack, "a", body, **headers)

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert redis.zcard(keyspace.WAITING) == 1


def test_a_changed_default_timeout_is_no_conflict(stack):
    first = submit(stack, "a").json()
    changed = {"SUPERIMPOSE_START_TIMEOUT_S": "900", "SUPERIMPOSE_JOB_TIMEOUT_S": "7"}

    with running({**stack.env, **changed}, workers=0) as later:
        again = submit(later, "a")

    assert (again.status_code, again.json()["request_id"]) == (200, first["request_id"])


def test_a_repeated_submit_must_have_the_same_timeout_headers(stack):
    first = submit(stack, "a", **{"x-timeout": "7"}).json()

    assert submit(stack, "a", **{"x-timeout": "07"}).json() == first
    assert submit(stack, "a", **{"x-timeout": "8"}).status_code == 409
    assert submit(stack, "a").status_code == 409


def test_concurrent_submits_create_one_request_and_store_one_input(redis, stack):
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: submit(stack, "a", INLINE), range(16)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["request_id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert redis.zcard(keyspace.WAITING) == 1
    store = Path(stack.env["SUPERIMPOSE_DATA_DIR"]) / "store"
    assert len([path for path in store.rglob("*") if path.is_file()]) == 1


class SlowStore(PictureStore):
    """Lets another submit overtake while inputs are stored."""

    overtake: Callable[[], object]

    def put_all(self, pictures):
        super().put_all(pictures)
        self.overtake()


def test_a_submit_overtaken_by_a_repeat_leaves_no_stored_inputs(redis, settings, key_id):
    command = asked(settings, key_id, INLINE, idempotency_key="a")
    first = []
    fast, slow = PictureStore.open(settings), SlowStore.open(settings)
    slow.overtake = lambda: first.append(accept(settings, command, fast))

    again = accept(settings, command, slow)

    assert (again.request_id, again.replayed) == (first[0].request_id, True)
    files = [path for path in (settings.data_dir / "store").rglob("*") if path.is_file()]
    assert len(files) == 1
    assert redis.zcard(keyspace.WAITING) == 1


def test_idempotency_keys_of_two_api_keys_are_independent(redis, stack):
    other = ApiKeys(redis).create("another")[1]

    mine = submit(stack, "a").json()
    theirs = submit(stack, "a", INLINE, **{"x-api-key": other}).json()

    assert mine["request_id"] != theirs["request_id"]


def test_the_last_credit_pays_for_one_request_and_all_its_repeats(redis, stack):
    key = ApiKeys(redis).create("poor", KeyOptions(credits=1))[1]

    answers = [submit(stack, "a", **{"x-api-key": key}) for _ in range(3)]

    assert {answer.json().get("request_id") for answer in answers} == {answers[0].json()["request_id"]}
    assert answers[2].headers["x-remaining-credits"] == "0"
    assert submit(stack, "b", **{"x-api-key": key}).status_code == 406


def test_a_full_queue_still_answers_a_repeated_submit(stack):
    first = [submit(stack, key).json() for key in range(5)]

    assert submit(stack, "one too many").json()["code"] == "queue_full"
    assert submit(stack, 0).json() == first[0]


def test_v1_waits_for_the_same_request(service):
    key, body = uuid4(), {name: f"{service.url}/samples/{file}" for name, file in SAMPLES.items()}

    first = submit(service, key, body, "/v1/superimpose")
    again = submit(service, key, body, "/v1/superimpose")

    assert first.content == again.content
    assert first.headers["x-request-id"] == again.headers["x-request-id"]


SAMPLES = {"base_image": "cup.jpg", "overlay_image": "logo.png"}


def test_an_idempotency_key_lives_as_long_as_its_request(redis, stack):
    request_id = submit(stack, "a").json()["request_id"]
    (name,) = redis.scan_iter(f"{keyspace.PREFIX}:idempotency:*")
    assert redis.ttl(name) == -1

    stack.client.post(f"/v2/requests/{request_id}/cancel")

    assert redis.pexpiretime(name) == redis.pexpiretime(keyspace.request(request_id)) > 0
    assert submit(stack, "a").json()["request_id"] == request_id
    redis.delete(keyspace.request(request_id))
    assert submit(stack, "a").json()["request_id"] != request_id


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "ü"])
def test_an_invalid_idempotency_key_is_refused_naming_the_header(stack, key):
    headers = {"idempotency-key": key.encode(), "x-api-key": stack.client.headers["x-api-key"]}

    answer = httpx.post(f"{stack.url}/v2/superimpose", json=URLS, headers=headers, trust_env=False)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_redis_stores_neither_the_idempotency_key_nor_the_body(redis, stack):
    submit(stack, "a-canary-of-a-key", URLS)

    (name,) = redis.scan_iter(f"{keyspace.PREFIX}:idempotency:*")
    stored = json.dumps([str(name), str(redis.hgetall(name))])
    assert "canary" not in stored
    assert "shop.example" not in stored
