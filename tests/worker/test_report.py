"""A worker's reports to Redis, also when requests or replies are lost."""

import math
import os
import signal
import threading

import pytest

from jobs import keyspace
from jobs.lifecycle.moves import Failure, IllegalMove
from jobs.lifecycle.output import Output
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.store import PictureStore
from jobs.redis.connection import REPLY_TIMEOUT_S, redis_time
from tests.asking import claim_request
from tests.redis.sentinels import until
from tests.redis.way import Way
from tests.worker.conftest import work
from worker.attempt import Attempt
from worker.child.messages import Ending, Outcome
from worker.report import FIRST_BACKOFF_S, MAX_BACKOFF_S, Report, backoff_s


def test_a_report_whose_reply_was_lost_is_valid_and_keeps_its_output(
    settings, redis, redis_socket, submit, record
):
    request_id = submit()
    with Way(redis_socket).serving() as way:
        remote = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{way.port}/1"})
        with way.deaf_from(b'"file_size"', 2 * REPLY_TIMEOUT_S):  # so that one try times out
            work(remote)

    done = record(request_id)
    assert (done.status, done.attempts) == (Status.COMPLETED, 1)
    assert PictureStore.open(settings).get(done.output.path)


@pytest.mark.parametrize("attempt", [1, 2, 3, 4, 20])
def test_the_backoff_grows_up_to_a_limit_and_has_jitter(attempt):
    mean_s = min(FIRST_BACKOFF_S * 4 ** (attempt - 1), MAX_BACKOFF_S)
    waits = [backoff_s(attempt) for _ in range(100)]

    assert mean_s / 2 <= min(waits) < max(waits) <= mean_s * 1.5


def test_attempts_that_were_given_back_do_not_count_for_the_backoff(settings, redis, submit):
    request_id = submit()
    transitions = Transitions(redis, settings)
    for number in range(1, 5):
        claim_request(transitions, request_id)
        transitions.give_back(request_id, number)
    attempt = Attempt(claim_request(transitions, request_id))

    Report(attempt, Outcome(Ending.RETRY, FailureCode.FETCH_FAILED, "broke off")).send(transitions)

    [(_, due_at)] = redis.zrange(keyspace.RQ_SCHEDULED, 0, -1, withscores=True)
    assert due_at - redis_time(redis) < FIRST_BACKOFF_S * 1.5 + 1


def test_a_retry_waits_for_the_retry_after_of_an_inputs_server(settings, redis, submit):
    request_id = submit()
    transitions = Transitions(redis, settings)
    attempt = Attempt(claim_request(transitions, request_id))
    outcome = Outcome(Ending.RETRY, FailureCode.FETCH_FAILED, "answered 429", retry_after_s=40)

    Report(attempt, outcome).send(transitions)

    [(waiting, due_at)] = redis.zrange(keyspace.RQ_SCHEDULED, 0, -1, withscores=True)
    assert waiting.decode() == request_id
    assert 30 < due_at - redis_time(redis) < 41


def test_a_retry_after_beyond_the_deadline_fails_the_request(settings, submit, record, origin):
    allowing = settings.model_copy(update={"fetch_allow": ("127.0.0.1/32",)})
    request_id = submit(base_image=f"{origin.url}/busy.jpg?4000")

    work(allowing)

    failed = record(request_id)
    assert (failed.status, failed.code, failed.attempts) == (Status.FAILED, FailureCode.FETCH_FAILED, 1)
    assert failed.error.endswith(
        "answered 429 instead of the image: try again in 4,000 s, as its server says"
    )


def test_the_output_of_a_refused_report_is_deleted(settings, redis, submit, record):
    """The request was cancelled while its output was stored."""
    request_id = submit()
    transitions, store = Transitions(redis, settings), PictureStore.open(settings)
    attempt = Attempt(claim_request(transitions, request_id))
    store.put("outputs/20300101T0000/late", b"a picture")
    output = Output("late", "outputs/20300101T0000/late", "image/png", 9, 1, 1)
    transitions.cancel(request_id, Failure(FailureCode.CANCELLED, "cancelled"))
    report = Report(attempt, Outcome(Ending.DONE, output=output))

    with pytest.raises(IllegalMove) as refused:
        report.send(transitions)
    report.clean_up(refused.value, transitions, store)

    with pytest.raises(FileNotFoundError):
        store.get(output.path)
    assert record(request_id).code == FailureCode.CANCELLED


def test_a_report_that_cannot_be_sent_is_logged_when_the_worker_stops(
    settings, redis_socket, submit, origin, caplog
):
    """Redis is away from the processing of the job until the end of the drain timeout."""
    impatient = settings.model_copy(update={"fetch_allow": ("127.0.0.1/32",), "drain_timeout_s": 0.3})
    path = "/hangs.jpg?unheard"
    request_id = submit(base_image=origin.url + path)
    with Way(redis_socket).serving() as way:
        remote = impatient.model_copy(update={"redis_url": f"redis://127.0.0.1:{way.port}/1"})

        def cut() -> None:
            origin.await_request(path)
            way.to_drop = math.inf
            os.kill(os.getpid(), signal.SIGTERM)
            until(lambda: "not reported" in caplog.text, "the worker gives up")
            way.to_drop = 0

        threading.Thread(target=cut, daemon=True).start()
        work(remote, burst=False)

    assert f"request {request_id}: not reported, its lease will expire" in caplog.text


def test_a_store_that_cannot_be_written_is_retried_and_then_internal(settings, submit, record, capfd):
    settings.data_dir.joinpath("store").mkdir()
    settings.data_dir.joinpath("store", "outputs").write_text("a file in the place of a folder")
    impatient = settings.model_copy(update={"max_attempts": 2})
    request_id = submit()

    work(impatient)

    failed = record(request_id)
    assert (failed.status, failed.code, failed.attempts) == (Status.FAILED, FailureCode.INTERNAL, 2)
    [*_, line] = [line for line in capfd.readouterr().err.splitlines() if "attempt 2" in line]
    assert f"request {request_id}: attempt 2 failed: the store failed: Generic LocalFileSystem error" in line
    assert "exception" not in line
    assert "outputs" in line
    assert "outputs" not in (failed.error or "")


def test_a_claim_whose_reply_is_lost_is_repeated_and_costs_no_attempt(settings, redis_socket, submit, record):
    request_id = submit()
    with Way(redis_socket).serving() as way:
        remote = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{way.port}/1"})
        with way.deaf_from(b"\r\nclaim\r\n", 2 * REPLY_TIMEOUT_S):  # so that one try times out
            work(remote)

    assert (record(request_id).status, record(request_id).attempts) == (Status.COMPLETED, 1)


def test_a_burst_worker_does_not_stop_while_redis_is_away(settings, redis_socket, submit, record):
    request_id = submit()
    with Way(redis_socket).serving() as way:
        remote = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{way.port}/1"})
        with way.deaf_from(b"LLEN", 2 * REPLY_TIMEOUT_S):  # so that one try times out
            work(remote)

    assert record(request_id).status is Status.COMPLETED
