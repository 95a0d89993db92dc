"""The time limits that a client sets for waiting and running."""

import pytest

from tests.stack import empty_database, environment, running

URLS = {"base_image": "https://shop.example/cup.jpg", "overlay_image": "https://shop.example/logo.png"}


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    env = environment(
        empty_database(redis_socket, 6),
        tmp_path_factory.mktemp("deadlines"),
        fetch_allow="127.0.0.1/32",
        fetch_timeout_s=20,
        fetch_ahead=0,
        max_start_timeout_s=2000,
        max_job_timeout_s=100,
    )
    with running(env, workers=1) as stack:
        yield stack


def submit(stack, body, **headers):
    return stack.client.post("/v2/superimpose", json=body, headers=headers)


def test_a_request_over_its_time_limit_fails_and_the_next_one_runs(stack, origin):
    samples = {"base_image": f"{stack.url}/samples/cup.jpg", "overlay_image": f"{stack.url}/samples/logo.png"}
    slow = submit(stack, samples | {"base_image": f"{origin.url}/hangs.jpg?deadline"}, **{"x-timeout": "1"})
    waiting = submit(stack, samples)

    status = stack.finish(slow.json()["request_id"])

    assert (status.status_code, status.json()["code"]) == (422, "timeout")
    assert "longer than 1 s" in status.json()["error"]
    assert stack.finish(waiting.json()["request_id"]).status_code == 200


def test_a_request_that_does_not_start_in_time_fails(stack, origin):
    path = "/hangs.jpg?occupied"
    samples = {"base_image": origin.url + path, "overlay_image": f"{stack.url}/samples/logo.png"}
    occupied = submit(stack, samples).json()["request_id"]
    origin.await_request(path)
    hasty = submit(stack, URLS, **{"x-start-timeout": "1"}).json()["request_id"]

    status = stack.finish(hasty)

    assert (status.status_code, status.json()["code"]) == (422, "timeout")
    assert "no worker was free" in status.json()["error"]
    stack.client.post(f"/v2/requests/{occupied}/cancel")


@pytest.mark.parametrize(
    ("header", "value", "limit"),
    [
        ("X-Timeout", "0", 100),
        ("X-Timeout", "101", 100),
        ("X-Timeout", "soon", 100),
        ("X-Timeout", "1.5", 100),
        ("X-Start-Timeout", "-1", 2000),
        ("X-Start-Timeout", "2001", 2000),
        ("X-Start-Timeout", "9" * 400, 2000),
        ("X-Start-Timeout", "", 2000),
    ],
)
def test_an_invalid_timeout_is_refused_naming_value_and_range(stack, header, value, limit):
    answer = submit(stack, URLS, **{header: value})

    assert answer.status_code == 400
    (fault,) = answer.json()["errors"]
    assert fault["field"] == header
    assert repr(value[:20]) in fault["message"]
    assert fault["message"].endswith(f"from 1 to {limit}")


def test_all_faults_of_the_headers_are_in_one_response(stack):
    answer = submit(stack, URLS, **{"x-timeout": "no", "x-start-timeout": "no", "idempotency-key": "x" * 256})

    fields = [fault["field"] for fault in answer.json()["errors"]]
    assert fields == ["X-Start-Timeout", "X-Timeout", "Idempotency-Key"]
