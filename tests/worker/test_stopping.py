"""A worker that is stopped finishes its jobs within the drain timeout and gives the rest back."""

import os
import signal
import threading
import time

import pytest

from jobs import keyspace
from jobs.lifecycle.moves import Failure
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import Transitions
from jobs.queue.rq import open_queue
from tests.worker.conftest import work


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"fetch_allow": ("127.0.0.1/32",), "drain_timeout_s": 0.3})


def tell(origin, path: str, *numbers: signal.Signals, pause_s: float = 0) -> None:
    """Signal this process once the origin receives a request."""

    def wait_and_tell() -> None:
        origin.await_request(path)
        for number in numbers:
            os.kill(os.getpid(), number)
            time.sleep(pause_s)

    threading.Thread(target=wait_and_tell, daemon=True).start()


def test_a_job_that_exceeds_the_drain_timeout_is_given_back_uncounted(
    redis, settings, submit, record, origin
):
    request_id, also_in_hand = (submit(base_image=f"{origin.url}/hangs.jpg?drained={nth}") for nth in "12")
    tell(origin, "/hangs.jpg?drained=2", signal.SIGTERM)

    work(settings, burst=False)

    assert record(request_id).status is Status.PROCESSING
    assert open_queue(redis).job_ids == [request_id, also_in_hand], "they are next"
    assert redis.hget(keyspace.request(request_id), "given_back") == b"1"
    assert redis.zcard(keyspace.LEASES) == redis.zcard(keyspace.RQ_STARTED) == 0

    origin.release.set()
    work(settings)
    origin.release.clear()
    assert (record(request_id).status, record(request_id).attempts) == (Status.COMPLETED, 1)


def test_a_job_within_the_drain_timeout_is_finished(settings, submit, record, origin):
    path = "/hangs.jpg?finished"
    patient = settings.model_copy(update={"drain_timeout_s": 20})
    request_id = submit(base_image=origin.url + path)
    tell(origin, path, signal.SIGTERM)
    threading.Timer(1, origin.release.set).start()

    work(patient, burst=False)
    origin.release.clear()

    assert (record(request_id).status, record(request_id).attempts) == (Status.COMPLETED, 1)


def test_a_second_signal_ends_the_drain_timeout(settings, submit, record, origin):
    path = "/hangs.jpg?twice"
    patient = settings.model_copy(update={"drain_timeout_s": 60})
    request_id = submit(base_image=origin.url + path)
    tell(origin, path, signal.SIGTERM, signal.SIGTERM, pause_s=1.1)

    work(patient, burst=False)

    assert record(request_id).status is Status.PROCESSING


def test_a_stopped_worker_is_no_longer_listed(redis, settings, submit):
    submit()

    work(settings)

    assert redis.scard(keyspace.RQ_WORKERS) == redis.scard(keyspace.RQ_ALL_WORKERS) == 0


def test_a_job_whose_lease_was_ended_is_stopped(redis, settings, submit, record, origin):
    """As when it was cancelled and the command was lost."""
    path = "/hangs.jpg?fenced"
    request_id, next_one = submit(base_image=origin.url + path), submit()
    cancelled = Failure(FailureCode.CANCELLED, "cancelled")

    def cancel() -> None:
        origin.await_request(path)
        Transitions(redis, settings).cancel(request_id, cancelled)

    threading.Thread(target=cancel, daemon=True).start()

    work(settings.model_copy(update={"lease_s": 5}))  # renewed each second

    assert record(request_id).code == FailureCode.CANCELLED
    assert record(next_one).status is Status.COMPLETED
    assert origin.asked.count(path) == 1
