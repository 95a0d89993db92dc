"""How a worker and Redis understand each other, whatever becomes of what they say."""

import pytest

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.moves import Claim, Failure
from jobs.lifecycle.output import Output
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.store import PictureStore
from jobs.redis.connection import ANSWER_TIMEOUT_S, connect, connect_worker, redis_time
from tests.asking import LEASE_OWNER
from tests.way import Way
from worker.child.messages import Ending, Outcome
from worker.report import FIRST_BACKOFF_S, LONGEST_BACKOFF_S, Report, backoff_s
from worker.warm_worker import WarmWorker


def test_a_report_whose_answer_is_lost_is_believed_and_keeps_its_picture(
    settings, redis, redis_socket, submit, record
):
    request_id = submit()
    with Way(redis_socket).serving() as way:
        remote = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{way.port}/1"})
        with way.deaf_from(b'"file_size"', 2 * ANSWER_TIMEOUT_S):  # what was said is given up once
            WarmWorker(connect_worker(remote), remote).work(burst=True)

    done = record(request_id)
    assert (done.status, done.attempts) == (Status.COMPLETED, 1)
    assert PictureStore.open(settings).get(done.output.path)


def test_a_report_that_nobody_hears_ends_with_the_worker(settings, tmp_path, caplog):
    away = Settings(redis_url="redis://127.0.0.1:1/0", data_dir=tmp_path)
    store = PictureStore.open(away)

    Report(
        Claim("a", 1, "key_a", {}, 9, 9), Transitions(connect(away), away), store, must_stop=lambda: True
    ).lost()

    assert "not reported" in caplog.text


@pytest.mark.parametrize("attempt", [1, 2, 3, 4, 20])
def test_each_wait_for_another_attempt_is_longer_up_to_a_bound_and_no_two_are_alike(attempt):
    mean_s = min(FIRST_BACKOFF_S * 4 ** (attempt - 1), LONGEST_BACKOFF_S)
    waits = [backoff_s(attempt) for _ in range(100)]

    assert mean_s / 2 <= min(waits) < max(waits) <= mean_s * 1.5


def test_another_attempt_waits_for_as_long_as_the_server_of_an_input_says(settings, redis, submit):
    request_id = submit()
    transitions = Transitions(redis, settings)
    report = Report(
        transitions.claim(request_id, LEASE_OWNER), transitions, PictureStore.open(settings), lambda: False
    )

    report.outcome(Outcome(Ending.RETRY, FailureCode.FETCH_FAILED, "answered 429", retry_after_s=40))

    [(waiting, due_at)] = redis.zrange(keyspace.RQ_SCHEDULED, 0, -1, withscores=True)
    assert waiting.decode() == request_id
    assert 30 < due_at - redis_time(redis) < 41


def test_a_server_that_says_to_come_after_the_deadline_is_not_waited_for(settings, submit, record, origin):
    allowing = settings.model_copy(update={"fetch_allow": ("127.0.0.1/32",)})
    request_id = submit(base_image=f"{origin.url}/busy.jpg?4000")

    WarmWorker(connect_worker(allowing), allowing).work(burst=True)

    failed = record(request_id)
    assert (failed.status, failed.code, failed.attempts) == (Status.FAILED, FailureCode.FETCH_FAILED, 1)
    assert failed.error.endswith(
        "answered 429 instead of the image: try again in 4,000 s, as its server says"
    )


def test_a_picture_that_was_made_for_nothing_is_deleted(settings, redis, submit, record, origin):
    """The request was cancelled while its last byte was stored."""
    request_id = submit()
    transitions, store = Transitions(redis, settings), PictureStore.open(settings)
    claim = transitions.claim(request_id, LEASE_OWNER)
    store.put("outputs/20300101T0000/late", b"a picture")
    output = Output("late", "outputs/20300101T0000/late", "image/png", 9, 1, 1)
    transitions.cancel(request_id, Failure(FailureCode.CANCELLED, "cancelled"))

    report = Report(claim, transitions, store, must_stop=lambda: False)
    report.outcome(Outcome(Ending.DONE, output=output))

    with pytest.raises(FileNotFoundError):
        store.get(output.path)
    assert record(request_id).code == FailureCode.CANCELLED


def test_a_store_that_cannot_be_written_is_tried_again_and_then_our_fault_with_the_cause_in_the_log(
    settings, submit, record, capfd
):
    settings.data_dir.joinpath("store").mkdir()
    settings.data_dir.joinpath("store", "outputs").write_text("a file in the place of a folder")
    impatient = settings.model_copy(update={"max_attempts": 2})
    request_id = submit()

    WarmWorker(connect_worker(impatient), impatient).work(burst=True)

    failed = record(request_id)
    assert (failed.status, failed.code, failed.attempts) == (Status.FAILED, FailureCode.INTERNAL, 2)
    log = capfd.readouterr().err
    assert f"request {request_id}: attempt 2 failed" in log
    assert "outputs" in log
    assert "outputs" not in (failed.error or "")


def test_a_claim_whose_answer_is_lost_is_made_again_and_costs_no_attempt(
    settings, redis_socket, submit, record
):
    request_id = submit()
    with Way(redis_socket).serving() as way:
        remote = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{way.port}/1"})
        with way.deaf_from(b"\r\nnext\r\n", 2 * ANSWER_TIMEOUT_S):  # what was said is given up once
            WarmWorker(connect_worker(remote), remote).work(burst=True)

    assert (record(request_id).status, record(request_id).attempts) == (Status.COMPLETED, 1)


def test_a_burst_worker_that_cannot_ask_whether_work_is_left_does_not_leave(
    settings, redis_socket, submit, record
):
    request_id = submit()
    with Way(redis_socket).serving() as way:
        remote = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{way.port}/1"})
        with way.deaf_from(b"LLEN", 2 * ANSWER_TIMEOUT_S):  # what was said is given up once
            WarmWorker(connect_worker(remote), remote).work(burst=True)

    assert record(request_id).status is Status.COMPLETED
