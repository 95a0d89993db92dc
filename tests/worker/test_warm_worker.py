"""The RQ worker and its warm child, in real processes, through crashes and hangs."""

import base64
import io
import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image
from rq.job import JobStatus

from jobs import keyspace
from jobs.cancellation import Cancellation
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import Deadlines
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.inputs import SAMPLE
from jobs.pictures.store import PictureStore
from jobs.queue.rq import open_queue
from jobs.redis.connection import connect
from tests import warm
from tests.asking import SAMPLES, accept, asked, queued
from tests.redis.sentinels import until
from tests.redis.test_redis_trouble import OwnRedis
from tests.stack import environment
from tests.worker.conftest import Started, new_worker, work
from tests.worker.plugins import KILLS, SLEEPS, Fragile
from worker.child.child import Child
from worker.resources import Resources
from worker.warm_worker import WarmWorker


@pytest.fixture
def settings(redis_socket, redis, tmp_path):
    return Settings(
        redis_url=f"unix://{redis_socket}?db=1",
        data_dir=tmp_path,
        fetch_allow="127.0.0.1/32",
        fetch_timeout_s=20,
        job_timeout_s=21,
        max_attempts=2,
    )


@pytest.fixture
def run_all(settings):
    return lambda: work(settings)


def job_of(redis, request_id):
    job = open_queue(redis).fetch_job(request_id)
    assert job is not None
    return job


def test_a_job_stores_its_output(redis, settings, submit, record, run_all):
    request_id = submit(image_format="png")

    run_all()

    made = record(request_id)
    assert made.status is Status.COMPLETED
    assert made.output is not None
    picture = PictureStore.open(settings).get(made.output.path)
    assert picture.startswith(b"\x89PNG")
    assert (len(picture), made.output.width, made.output.height) == (made.output.file_size, 600, 400)
    assert set(made.stages) == {"fetch", "decode", "compose", "encode", "store", "cache_hits"}
    assert job_of(redis, request_id).get_status() is JobStatus.FINISHED


def test_one_child_processes_many_jobs(submit, record, run_all):
    requests = [submit() for _ in range(5)]

    run_all()

    assert {record(request_id).status for request_id in requests} == {Status.COMPLETED}


def test_a_cache_hit_is_not_shared_between_keys(redis, settings, record, run_all):
    owners = [ApiKeys(redis).create(name)[0].key_id for name in ("first", "second")]
    deadlines = Deadlines.default(settings)
    requests = [
        accept(settings, asked(settings, owner, SAMPLES, deadlines=deadlines)).request_id
        for owner in (*owners, *owners)
    ]

    run_all()

    hits = [record(request_id).stages["cache_hits"] for request_id in requests]
    assert [sorted(hits[0::2]), sorted(hits[1::2])] == [[0, 2]] * 2, "of each key"


def test_a_cacheable_input_is_fetched_once_for_all_workers(submit, record, run_all, origin):
    requests = []
    for _ in range(2):
        requests.append(submit(base_image=f"{origin.url}/public.jpg"))
        run_all()

    assert {record(request_id).status for request_id in requests} == {Status.COMPLETED}
    assert origin.asked.count("/public.jpg") == 1


def test_an_input_is_fetched_once_for_all_waiting_requests(submit, record, run_all, origin):
    url = f"{origin.url}/tagged.jpg"
    waiting = [submit(base_image=url) for _ in range(9)]
    run_all()
    assert origin.asked.count("/tagged.jpg") == 1

    later = submit(base_image=url)
    run_all()

    assert {record(request_id).status for request_id in (*waiting, later)} == {Status.COMPLETED}
    assert origin.asked.count("/tagged.jpg") == 2


def test_the_settings_can_disable_the_caches(settings):
    resources = Resources.open(settings.model_copy(update={"http_cache_bytes": 0, "cache_bytes": 0}))

    assert (resources.cache, resources.fetcher.cache) == (None, None)


def test_a_clients_error_fails_without_a_retry(redis, submit, record, run_all):
    request_id = submit(overlay_image="bm90IGEgcGljdHVyZQ==")

    run_all()

    failed = record(request_id)
    assert (failed.status, failed.code, failed.attempts) == (Status.FAILED, FailureCode.INVALID_IMAGE, 1)
    assert failed.error is not None
    assert failed.error.startswith("overlay_image: ")
    assert job_of(redis, request_id).get_status() is JobStatus.FAILED


def test_an_input_missing_in_the_store_is_retried_and_then_internal(redis, submit, record, run_all):
    request_id = submit(overlay_image="bm90IGEgcGljdHVyZQ==")
    params = record(request_id).params | {"overlay_image": "store:inputs/20300101T0000/gone"}
    redis.hset(f"superimpose:request:{request_id}", "params", json.dumps(params))

    run_all()

    failed = record(request_id)
    assert (failed.code, failed.attempts) == (FailureCode.INTERNAL, 2)
    assert "gone" not in (failed.error or "")


class Killer(threading.Thread):
    """Sends a signal to the worker's child at each request to the origin."""

    def __init__(self, worker: WarmWorker, origin, path: str, number: signal.Signals, times: int) -> None:
        super().__init__(daemon=True)
        self.worker, self.origin, self.path, self.number, self.times = worker, origin, path, number, times

    def run(self) -> None:
        for time in range(1, self.times + 1):
            self.origin.await_request(self.path, time)
            child = self.worker._dispatcher.children._current
            assert child is not None
            os.kill(child.pid, self.number)


def test_a_cached_and_decoded_input_is_not_read_from_disk(settings, submit, record, run_all, origin):
    url = f"{origin.url}/public.jpg?unread"
    first, held_up = submit(base_image=url), submit(base_image=f"{origin.url}/hangs.jpg?held")
    again: list[str] = []

    def damage_and_submit() -> None:
        until(lambda: record(first).status is Status.COMPLETED, "the first picture")
        for file in (settings.data_dir / "http-cache").iterdir():
            file.write_bytes(file.read_bytes()[:-1] + b"?")
        again.append(submit(base_image=url))
        until(lambda: record(again[0]).status is Status.COMPLETED, "the second one")
        origin.release.set()

    thread = threading.Thread(target=damage_and_submit, daemon=True)
    thread.start()
    run_all()
    thread.join()
    origin.release.clear()

    assert record(held_up).status is Status.COMPLETED
    assert record(again[0]).stages["cache_hits"] == 2
    assert origin.asked.count("/public.jpg?unread") == 1


@pytest.fixture
def fragile(settings):
    """Settings with a check that sleeps at one colour and kills its process at another."""
    return settings.model_copy(update={"content_check": f"{Fragile.__module__}:{Fragile.__name__}"})


def test_a_killed_child_costs_one_request_an_attempt(settings, submit, record, origin):
    requests = [submit(base_image=f"{origin.url}/hangs.jpg?{nth}") for nth in "123"]
    worker = new_worker(settings)
    Killer(worker, origin, "/hangs.jpg?2", signal.SIGKILL, times=1).start()
    threading.Thread(
        target=lambda: (origin.await_request("/hangs.jpg?2", 2), origin.release.set()), daemon=True
    ).start()

    worker.work(burst=True)
    origin.release.clear()

    assert {record(request_id).status for request_id in requests} == {Status.COMPLETED}
    assert sorted(record(request_id).attempts for request_id in requests) == [1, 1, 2]


def test_a_slow_start_of_the_next_child_costs_no_attempt(settings, submit, record, origin, tmp_path):
    """Its start takes longer than a lease."""
    again = Started(tmp_path, f'[ "$(wc -l <"{tmp_path}/started")" -eq 1 ] || sleep 5')
    short = settings.model_copy(update={"lease_s": 3})
    requests = [submit(base_image=f"{origin.url}/hangs.jpg?again={nth}") for nth in "12"]
    worker = new_worker(short, again.child)
    killer = Killer(worker, origin, "/hangs.jpg?again=2", signal.SIGKILL, times=1)
    killer.start()

    def answer() -> None:
        killer.join()
        until(lambda: len(again.pids) == 2, "another starts")
        origin.release.set()

    threading.Thread(target=answer, daemon=True).start()

    worker.work(burst=True)
    origin.release.clear()

    assert {record(request_id).status for request_id in requests} == {Status.COMPLETED}
    assert sorted(record(request_id).attempts for request_id in requests) == [1, 2]


def test_a_job_that_kills_every_child_ends_as_worker_lost_without_cost_to_others(fragile, submit, record):
    request_id = submit(overlay_image=one_colour(KILLS))
    others = [submit() for _ in range(5)]

    work(fragile)

    lost = record(request_id)
    assert (lost.status, lost.code, lost.attempts) == (Status.FAILED, FailureCode.WORKER_LOST, 2)
    assert {(record(other).status, record(other).attempts) for other in others} == {(Status.COMPLETED, 1)}


def test_a_hanging_child_is_killed_at_the_deadline_of_its_job(settings, submit, record, origin):
    path = "/hangs.jpg?stopped"
    hasty = settings.model_copy(update={"fetch_timeout_s": 4, "job_timeout_s": 5, "fetch_ahead": 0})
    next_one = submit()
    request_id = submit(base_image=origin.url + path, deadlines=Deadlines.default(hasty))
    worker = new_worker(hasty)
    Killer(worker, origin, path, signal.SIGSTOP, times=1).start()

    worker.work(burst=True)

    late = record(request_id)
    assert (late.status, late.code) == (Status.FAILED, FailureCode.TIMEOUT)
    assert record(next_one).status is Status.COMPLETED


def test_a_job_that_needs_too_much_memory_fails_and_the_next_one_runs(settings, submit, record):
    tight = settings.model_copy(update={"job_memory_bytes": 1_200_000_000})
    greedy, next_one = submit(base_image=huge_png(), image_format="webp"), submit()

    work(tight, Child)

    assert (record(greedy).status, record(greedy).code) == (Status.FAILED, FailureCode.INTERNAL)
    assert record(next_one).status is Status.COMPLETED


def huge_png() -> str:
    """49 million pixels of one colour."""
    return png(Image.new("RGBA", (7000, 7000), (200, 30, 30, 128)))


def one_colour(colour: tuple[int, int, int]) -> str:
    return png(Image.new("RGB", (20, 20), colour))


def png(picture: Image.Image) -> str:
    """As base64."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def test_a_finished_job_is_reported_even_if_its_child_cannot_be_replaced(
    settings, submit, record, origin, started
):
    path = "/hangs.jpg?worn"
    worn = settings.model_copy(update={"child_max_jobs": 1})
    request_id, next_one = submit(base_image=origin.url + path), submit()

    def remove_program() -> None:
        origin.await_request(path)
        started.remove_program()
        origin.release.set()

    threading.Thread(target=remove_program, daemon=True).start()

    work(worn, started.child)
    origin.release.clear()

    for made in (record(request_id), record(next_one)):
        assert (made.status, made.attempts) == (Status.COMPLETED, 1)


def test_a_finished_request_is_not_processed_again(redis, settings, submit, record, run_all):
    request_id = submit()
    Cancellation(redis, settings).cancel(request_id)

    run_all()

    assert (record(request_id).code, record(request_id).attempts) == (FailureCode.CANCELLED, 0)


def test_no_child_outlives_its_worker(settings, submit, started):
    submit()

    work(settings, started.child)

    (pid,) = started.pids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_workers_can_read_the_references_of_samples(record, submit):
    assert record(submit()).params["base_image"] == f"{SAMPLE}cup.jpg"


def test_jobs_in_flight_are_finished_before_the_worker_stops(redis, settings, submit, record, origin, key_id):
    requests = [submit(base_image=f"{origin.url}/hangs.jpg?stopping={nth}") for nth in "12"]

    def stop() -> None:
        origin.await_request("/hangs.jpg?stopping=2")
        os.kill(os.getpid(), signal.SIGTERM)
        requests.append(submit())
        origin.release.set()

    threading.Thread(target=stop, daemon=True).start()
    work(settings, burst=False)
    origin.release.clear()

    assert [record(request_id).status for request_id in requests[:2]] == [Status.COMPLETED] * 2
    assert record(requests[2]).status is Status.QUEUED
    assert queued(redis, key_id) == requests[2:]


def test_cancelling_a_job_that_is_still_fetching_does_not_kill_the_child(
    redis, settings, submit, record, origin, started
):
    path = "/hangs.jpg?cancelled"
    requests = [submit(base_image=origin.url + path), submit()]

    def cancel() -> None:
        origin.await_request(path)
        Cancellation(redis, settings).cancel(requests[0])

    threading.Thread(target=cancel, daemon=True).start()
    work(settings, started.child)

    assert record(requests[0]).code == FailureCode.CANCELLED
    assert record(requests[1]).status is Status.COMPLETED
    assert len(started.pids) == 1


def test_requests_behind_a_slow_job_are_given_back_uncounted(redis, settings, fragile, submit, record):
    requests = [submit(overlay_image=one_colour(SLEEPS)) for _ in range(2)]
    others = []

    def given_back(request_id: str) -> bool:
        return redis.hget(keyspace.request(request_id), "given_back") == b"1"

    def start_another() -> None:
        until(lambda: any(map(given_back, requests)), "one is given back")
        others.append(warm.start(["worker"], environment(settings.redis_url, settings.data_dir), None))

    starting = threading.Thread(target=start_another)
    starting.start()
    work(fragile)
    starting.join()
    others[0].terminate()
    others[0].wait()

    other, sleeping = sorted(map(record, requests), key=lambda each: each.finished_at)
    assert (sleeping.status, sleeping.attempts) == (Status.COMPLETED, 1)
    assert (other.status, other.attempts) == (Status.COMPLETED, 1)


def test_a_slow_origin_delays_no_other_request(settings, submit, record, origin):
    """There are more of them than are claimed at first."""
    path = "/hangs.jpg?slow"
    slow = [submit(base_image=origin.url + path) for _ in range(12)]
    fast = submit()

    def look() -> None:
        until(lambda: record(fast).status is Status.COMPLETED, "the fast one ends first")
        origin.release.set()

    threading.Thread(target=look, daemon=True).start()
    work(settings)
    origin.release.clear()

    assert {record(request_id).status for request_id in slow} == {Status.COMPLETED}
    assert record(fast).finished_at < min(record(request_id).finished_at for request_id in slow)


def test_inputs_above_the_byte_limit_are_fetched_anyway(settings, submit, record, origin):
    tight = settings.model_copy(update={"fetch_ahead_bytes": 1000})
    path = "/cup.jpg?room"
    requests = [submit(base_image=origin.url + path) for _ in range(4)]

    work(tight)

    assert {record(request_id).status for request_id in requests} == {Status.COMPLETED}


def test_a_worker_that_starts_while_redis_is_away_waits_for_it(settings, tmp_path_factory, caplog):
    own = OwnRedis(tmp_path_factory.mktemp("r"))
    settings = settings.model_copy(update={"redis_url": own.url})
    with connect(settings) as redis:
        key_id = ApiKeys(redis).create("shop")[0].key_id
        request_id = accept(settings, asked(settings, key_id)).request_id
        own.kill()

        def start_redis() -> None:
            until(lambda: "Redis cannot be reached" in caplog.text, "the worker waits")
            own.start()

        with ThreadPoolExecutor() as threads:
            started = threads.submit(start_redis)
            worker = new_worker(settings)
            worker.work(burst=True)
            started.result()

        ended = Transitions(redis, settings).read(request_id)
        assert ended
        assert ended.status is Status.COMPLETED
        assert redis.hexists(worker.key, "birth"), "it was registered"
    own.kill()
