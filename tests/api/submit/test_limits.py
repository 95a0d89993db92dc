"""Rate limits, credits and a full queue over HTTP, also with several API processes."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache

import httpx
import pytest

from jobs import keyspace
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.keys.key_rules import Scope
from jobs.keys.rates import Rate
from tests.asking import queued
from tests.stack import KEY, Stack, await_http, environment, free_port, running

DAY_S = 86400
SUBMIT = {"base_image": "https://shop.example/cup.jpg", "overlay_image": "https://shop.example/logo.png"}


@pytest.fixture
def keys(redis):
    return ApiKeys(redis)


@pytest.fixture(scope="module")
def apis(redis_socket, tmp_path_factory):
    """APIs by their settings, each started on first use."""
    with ExitStack() as running_apis:

        @cache
        def api(**settings):
            env = environment(f"unix://{redis_socket}?db=1", tmp_path_factory.mktemp("api"), **settings)
            return running_apis.enter_context(running(env, workers=0))

        yield api


@pytest.fixture
def start(keys, apis):
    """Start an API with these settings on an empty database."""
    keys.make_valid("dev", KEY)
    return apis


def submit(stack: Stack, key: str = KEY, url: str = "") -> httpx.Response:
    return stack.client.post(f"{url}/v2/superimpose", json=SUBMIT, headers={"x-api-key": key})


def second_api(stack: Stack) -> str:
    """The URL of another API process of the same stack."""
    port = free_port()
    await_http(f"http://127.0.0.1:{port}/livez", stack.start("cli", "api", "--port", str(port)))
    return f"http://127.0.0.1:{port}"


def test_a_submit_over_the_rate_limit_is_a_429_with_retry_after(start):
    stack = start(rate_limit="2/day")
    within, last, refused = (submit(stack) for _ in range(3))

    assert [answer.status_code for answer in (within, last, refused)] == [200, 200, 429]
    assert within.headers["ratelimit-policy"] == f'"submit";q=2;w={DAY_S}'
    assert within.headers["ratelimit"] == f'"submit";r=1;t={DAY_S // 2}'
    assert re.fullmatch(r'"submit";r=0;t=86\d\d\d', refused.headers["ratelimit"])
    assert DAY_S / 2 - 60 <= int(refused.headers["retry-after"]) <= DAY_S / 2
    assert refused.json()["code"] == "too_many_requests"
    assert "2/day" in refused.json()["error"]
    reset_at = datetime.strptime(refused.headers["x-rate-limit-reset-at-utc"], "%Y-%m-%dT%H:%M:%SZ")
    left = reset_at.replace(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(days=1)


def test_reads_and_pictures_have_rate_limits_of_their_own(start):
    stack = start(rate_limit="1/day")
    status_url = submit(stack).json()["status_url"]
    assert submit(stack).status_code == 429

    polls = [stack.client.get(status_url) for _ in range(50)]

    assert {poll.status_code for poll in polls} == {200}
    assert polls[0].headers["ratelimit-policy"] == '"read";q=120000;w=60'


def test_a_key_over_its_rate_limit_does_not_affect_another(start, keys):
    _, other = keys.create("other")
    stack = start(rate_limit="1/day")
    assert [submit(stack).status_code for _ in range(2)] == [200, 429]
    assert submit(stack, other).status_code == 200


def test_a_key_can_have_its_own_rate_limit(start, keys):
    _, key = keys.create("other", KeyOptions(rate=Rate(3, DAY_S)))
    stack = start()
    assert [submit(stack, key).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_invalid_keys_are_limited_by_address_and_valid_keys_are_not(start):
    stack = start(rate_limit_anonymous="3/day")
    guesses = [submit(stack, f"guess-{number}") for number in range(4)]

    assert [answer.status_code for answer in guesses] == [401, 401, 401, 429]
    assert guesses[3].headers["ratelimit-policy"] == f'"anonymous";q=3;w={DAY_S}'
    assert stack.client.get("/admin/keys").status_code == 404
    assert submit(stack).status_code == 200


def test_api_processes_share_the_rate_limit(start):
    stack = start(rate_limit="20/day")
    urls = [stack.url, second_api(stack)]
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda number: submit(stack, url=urls[number % 2]), range(60)))

    codes = [answer.status_code for answer in answers]
    assert (codes.count(200), codes.count(429)) == (20, 40)


def test_without_redis_no_call_is_admitted(start, redis):
    stack = start(rate_limit="1/day")
    redis.execute_command("CLIENT", "PAUSE", "4500", "ALL")
    try:
        answer = submit(stack)
    finally:
        redis.execute_command("CLIENT", "UNPAUSE")

    assert (answer.status_code, answer.json()["code"]) == (502, "unavailable")
    assert redis.zcard(keyspace.WAITING) == 0


def test_submits_cost_credits_and_a_406_names_balance_and_cost(start, keys):
    record, key = keys.create("shop", KeyOptions(credits=5))
    stack = start(credit_cost=2)
    answers = [submit(stack, key) for _ in range(3)]
    balance = stack.client.get("/v1/get-user-credits", headers={"x-api-key": key})

    assert [answer.status_code for answer in answers] == [200, 200, 406]
    assert [answer.headers["x-remaining-credits"] for answer in answers] == ["3", "1", "1"]
    assert answers[2].json()["code"] == "not_enough_credits"
    assert "this needs 2 and the key has 1" in answers[2].json()["error"]
    assert (balance.json(), balance.headers["x-remaining-credits"]) == ({"credits": 1}, "1")

    stack.client.post(answers[0].json()["cancel_url"], headers={"x-api-key": key})
    after = keys.get(record.key_id)
    assert (after.credits, after.held, after.spent) == (3, 2, 0)


def test_a_key_has_unlimited_credits_by_default(start):
    stack = start()
    assert submit(stack).headers["x-remaining-credits"] == "unlimited"
    assert stack.client.get("/v1/get-user-credits").json() == {"credits": 2**53 - 1, "unlimited": True}


def test_ten_credits_pay_for_ten_of_a_hundred_concurrent_submits_on_two_apis(start, keys, redis):
    record, key = keys.create("shop", KeyOptions(credits=10))
    stack = start()
    urls = [stack.url, second_api(stack)]
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda number: submit(stack, key, urls[number % 2]), range(100)))

    codes = [answer.status_code for answer in answers]
    assert (codes.count(200), codes.count(406)) == (10, 90)
    assert redis.zcard(keyspace.WAITING) == len(queued(redis, record.key_id)) == 10
    assert (keys.get(record.key_id).credits, keys.get(record.key_id).held) == (0, 10)


def test_completed_requests_spend_credits_and_failed_ones_return_them(redis_socket, tmp_path, keys):
    record, key = keys.create("shop", KeyOptions(credits=20))
    with running(environment(f"unix://{redis_socket}?db=1", tmp_path), workers=1) as stack:
        stack.client.headers["x-api-key"] = key
        samples = {name: f"{stack.url}/samples/{file}" for name, file in SAMPLES.items()}
        good = [stack.submit(**samples) for _ in range(4)]
        bad = [stack.submit(**samples | {"mask": "data:image/png;base64,AAAA"}) for _ in range(3)]
        endings = [stack.finish(request_id).json()["status"] for request_id in (*good, *bad)]

    assert endings == ["COMPLETED"] * 4 + ["FAILED"] * 3
    after = keys.get(record.key_id)
    assert (after.credits, after.held, after.spent) == (16, 0, 4)


SAMPLES = {"base_image": "cup.jpg", "overlay_image": "logo.png"}


def test_a_revocation_takes_effect_at_once_under_load(start, keys, redis):
    record, key = keys.create("shop")
    stop, codes = threading.Event(), []

    def submit_on(stack: Stack) -> None:
        while not stop.is_set():
            codes.append(submit(stack, key).status_code)

    stack = start()
    threads = [threading.Thread(target=submit_on, args=(stack,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    while codes.count(200) < 20:
        stop.wait(0.01)
    keys.revoke(record.key_id)
    accepted = redis.zcard(keyspace.WAITING)
    assert submit(stack, key).status_code == 401
    stop.set()
    for thread in threads:
        thread.join()

    assert redis.zcard(keyspace.WAITING) == accepted, "nothing was accepted after the revocation"
    assert set(codes) <= {200, 401}


def test_a_key_without_the_scope_may_not_submit(start, keys):
    _, key = keys.create("uploads only", KeyOptions(scopes=(Scope.UPLOAD,)))
    stack = start()
    answer = submit(stack, key)

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert "superimpose" in answer.json()["error"]


def test_a_submit_to_a_full_queue_is_a_429_with_retry_after(start):
    stack = start(max_waiting=5, max_waiting_per_key=3)
    for _ in range(3):
        stack.submit(**SUBMIT)

    answer = submit(stack)

    assert (answer.status_code, answer.json()["code"]) == (429, "queue_full")
    assert int(answer.headers["retry-after"]) >= 1
    assert "at most 3 requests of this key may wait" in answer.json()["error"]


def test_a_cancelled_request_frees_its_slot_in_the_queue(start):
    stack = start(max_waiting=5, max_waiting_per_key=3)
    requests = [stack.submit(**SUBMIT) for _ in range(3)]
    cancelled = stack.client.post(f"/v2/requests/{requests[0]}/cancel").json()

    assert (cancelled["was"], cancelled["code"]) == ("QUEUED", "cancelled")
    stack.submit(**SUBMIT)
