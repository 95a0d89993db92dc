"""Submits to a full queue."""

import pytest

from tests.stack import environment, forget, running

URLS = {"base_image": "https://shop.example/cup.jpg", "overlay_image": "https://shop.example/logo.png"}


@pytest.fixture(scope="module")
def api(redis_socket, tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    env = environment(f"unix://{redis_socket}?db=1", folder, max_waiting=5, max_waiting_per_key=3)
    with running(env, workers=0) as stack:
        yield stack


@pytest.fixture
def stack(redis, api):
    forget(api)
    return api


def test_a_submit_to_a_full_queue_is_a_429_with_retry_after(stack):
    for _ in range(3):
        stack.submit(**URLS)

    answer = stack.client.post("/v2/superimpose", json=URLS)

    assert (answer.status_code, answer.json()["code"]) == (429, "queue_full")
    assert int(answer.headers["retry-after"]) >= 1
    assert "at most 3 requests of this key may wait" in answer.json()["error"]


def test_a_cancelled_request_frees_its_slot_in_the_queue(stack):
    requests = [stack.submit(**URLS) for _ in range(3)]
    cancelled = stack.client.post(f"/v2/requests/{requests[0]}/cancel").json()

    assert (cancelled["was"], cancelled["code"]) == ("QUEUED", "cancelled")
    stack.submit(**URLS)
