"""Cancelling: queued requests are removed, running ones are stopped, ended ones stay."""

import pytest

from tests.stack import empty_database, environment, running


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    env = environment(
        empty_database(redis_socket, 5),
        tmp_path_factory.mktemp("cancel"),
        fetch_allow="127.0.0.1/32",
        fetch_timeout_s=25,
        fetch_ahead=0,
    )
    with running(env, workers=1) as stack:
        yield stack


def cancel(stack, request_id):
    return stack.client.post(f"/v2/requests/{request_id}/cancel")


def test_a_running_request_is_stopped_and_the_next_one_runs(stack, samples, origin):
    running_one = stack.submit(**samples | {"base_image": f"{origin.url}/hangs.jpg?cancel"})
    waiting, last = stack.submit(**samples), stack.submit(**samples)
    origin.await_request("/hangs.jpg?cancel")
    assert stack.status(running_one).json()["status"] == "PROCESSING"

    removed = cancel(stack, waiting)
    stopped = cancel(stack, running_one)

    for answer, request_id in ((removed, waiting), (stopped, running_one)):
        assert answer.status_code == 200
        status = stack.status(request_id)
        assert (status.status_code, status.json()["code"]) == (422, "cancelled")
    assert stack.finish(last).status_code == 200
    assert origin.asked.count("/hangs.jpg?cancel") == 1


def test_cancelling_an_ended_request_is_a_409_and_changes_nothing(stack, samples):
    request_id = stack.submit(**samples)
    before = stack.finish(request_id).json()

    answer = cancel(stack, request_id)

    assert (answer.status_code, answer.json()["code"]) == (409, "already_finished")
    assert stack.status(request_id).json() == before


def test_an_unknown_request_is_a_404(stack):
    assert cancel(stack, "unknown").status_code == 404
