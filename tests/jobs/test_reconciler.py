"""The reconciler ends or requeues requests without any report or poll."""

import contextlib
import os
import subprocess
import threading
from functools import partial
from uuid import uuid4

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle import lease_owner
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.lease_owner import LeaseOwner, this_machine
from jobs.lifecycle.move_script import MAX_SWEPT
from jobs.lifecycle.moves import Failure, IllegalMove
from jobs.lifecycle.status import FailureCode, Status
from jobs.maintenance import reconciler as reconciler_module
from jobs.maintenance.reconciler import Reconciler
from jobs.queue.rq import open_queue
from jobs.redis.connection import connect
from tests.asking import LEASE_OWNER, accept, asked, claim_request, queued
from tests.redis.recording import recording

URL = "https://shop.example/shirt.jpg"
PAGE = 2 * MAX_SWEPT  # instead of five times as many, as requests are created one by one


@pytest.fixture
def submit(redis, settings, key_id):
    command = asked(settings, key_id, {"base_image": URL, "overlay_image": URL})
    return lambda: accept(settings, command).request_id


@pytest.fixture
def request_id(submit):
    return submit()


@pytest.fixture
def claim(transitions):
    return partial(claim_request, transitions)


@pytest.fixture
def reconciler(redis, settings):
    return Reconciler(redis, settings)


def test_a_request_that_no_worker_claimed_in_time_fails_and_leaves_the_queue(
    redis, transitions, reconciler, request_id
):
    redis.zadd(keyspace.DEADLINES, {request_id: 1})

    reconciler.run_once()

    record = transitions.read(request_id)
    assert (record.status, record.code) == (Status.FAILED, FailureCode.TIMEOUT)
    assert open_queue(redis).job_ids == []


def test_a_request_within_its_deadline_is_not_changed(redis, transitions, reconciler, request_id, key_id):
    reconciler.run_once()

    assert transitions.read(request_id).status is Status.QUEUED
    assert queued(redis, key_id) == [request_id]


def test_the_deadline_of_a_missing_request_is_removed(redis, reconciler, request_id):
    redis.delete(keyspace.request(request_id))
    redis.zadd(keyspace.DEADLINES, {request_id: 1})

    reconciler.run_once()

    assert redis.zcard(keyspace.DEADLINES) == redis.zcard(keyspace.WAITING) == 0


def test_one_process_at_a_time_reconciles(redis, settings, transitions, reconciler, request_id):
    reconciler.run_once()
    redis.zadd(keyspace.DEADLINES, {request_id: 1})

    Reconciler(redis, settings).run_once()

    assert transitions.read(request_id).status is Status.QUEUED
    assert 0 < redis.pttl(keyspace.RECONCILER) <= 1000


def test_a_request_with_an_expired_lease_is_requeued(redis, reconciler, request_id, claim):
    claim(request_id)
    redis.zadd(keyspace.LEASES, {request_id: 1})

    reconciler.run_once()

    assert open_queue(redis).job_ids == [request_id]


def test_a_request_of_a_dead_process_is_requeued_at_once_by_its_machine(
    redis, settings, reconciler, request_id, claim
):
    process = subprocess.Popen(["sleep", "60"])
    claim(request_id, LeaseOwner("worker", this_machine(), lease_owner.process(process.pid)))

    reconciler.run_once()
    assert open_queue(redis).job_ids == []

    process.kill()
    process.wait()
    redis.set(keyspace.RECONCILER, "another has the lock")
    reconciler.run_once()
    assert open_queue(redis).job_ids == [request_id]


def test_a_process_that_is_dead_but_not_reaped_is_gone(redis, reconciler, request_id, claim):
    process = subprocess.Popen(["sleep", "60"])
    claim(request_id, LeaseOwner("worker", this_machine(), lease_owner.process(process.pid)))
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    reconciler.run_once()

    process.wait()
    assert open_queue(redis).job_ids == [request_id]


def test_a_new_process_with_the_same_pid_is_not_the_lease_owner(redis, reconciler, request_id, claim):
    this = LeaseOwner.this_process("worker")
    pid, _, start = this.process.partition(" ")
    claim(request_id, LeaseOwner("worker", this.machine, f"{pid} {int(start) + 1}"))

    reconciler.run_once()

    assert open_queue(redis).job_ids == [request_id]


def test_leases_of_live_processes_are_kept(redis, reconciler, request_id, claim):
    claim(request_id, LeaseOwner.this_process("worker"))

    reconciler.run_once()

    assert open_queue(redis).job_ids == []


def test_a_delayed_request_is_requeued_after_its_delay(
    redis, transitions, reconciler, request_id, key_id, claim
):
    claim(request_id)
    transitions.retry(request_id, 1, Failure(FailureCode.INTERNAL, "broken"), delay_s=1)
    reconciler.run_once()
    assert queued(redis, key_id) == []

    redis.zadd(keyspace.RQ_SCHEDULED, {request_id: 1})
    redis.delete(keyspace.RECONCILER)
    reconciler.run_once()

    assert queued(redis, key_id) == [request_id]


def test_an_entry_left_in_transit_by_an_older_worker_is_next(redis, reconciler):
    redis.rpush(keyspace.RQ_INTERMEDIATE, "first")
    redis.rpush(keyspace.RQ_QUEUE, "second")

    reconciler.run_once()

    assert redis.lrange(keyspace.RQ_QUEUE, 0, -1) == [b"first", b"second"]


def test_after_redis_was_away_workers_get_time_to_renew_their_leases(settings, redis, request_id, claim):
    claim(request_id)
    redis.zadd(keyspace.LEASES, {request_id: 1})

    class AwayOnce:
        """A client whose first command fails."""

        def __init__(self) -> None:
            self.away = True

        def __getattr__(self, name: str) -> object:
            if name == "hgetall" and self.away:
                self.away = False
                return Redis(port=1, retry=Retry(NoBackoff(), 0)).hgetall
            return getattr(redis, name)

    reconciler = Reconciler(AwayOnce(), settings)  # type: ignore[arg-type]
    reconciler.run_once()
    reconciler.run_once()

    assert open_queue(redis).job_ids == []


def test_an_unknown_entry_does_not_block_others(redis, transitions, reconciler, request_id):
    foreign = "00000000-0000-0000-0000-000000000000"
    redis.set(keyspace.request(foreign), "no hash")
    redis.zadd(keyspace.DEADLINES, {"junk": 0, foreign: 1, request_id: 2})

    reconciler.run_once()

    assert transitions.read(request_id).status is Status.FAILED
    assert redis.zscore(keyspace.DEADLINES, "junk") is None


@pytest.fixture
def many(redis, transitions, monkeypatch):
    """Requests of a key with credits, more than are ended one by one."""
    monkeypatch.setattr(reconciler_module, "PAGE", PAGE)
    key_id = ApiKeys(redis).create("shop", KeyOptions(credits=10_000))[0].key_id
    made = [str(uuid4()) for _ in range(2 * PAGE + 50)]
    for request_id in made:
        transitions.create(NewRequest(request_id, key_id, {}))
    return key_id, made


def test_many_late_requests_end_in_one_round_wherever_in_the_queue_they_are(
    redis, transitions, reconciler, many
):
    key_id, made = many
    in_time = made[::7]
    late = [request_id for request_id in made if request_id not in set(in_time)]
    redis.zadd(keyspace.DEADLINES, dict.fromkeys(late, 1))

    reconciler.round()

    assert {transitions.read(request_id).code for request_id in late} == {FailureCode.TIMEOUT}
    assert queued(redis, key_id) == in_time
    assert redis.zcard(keyspace.WAITING) == redis.zcard(keyspace.DEADLINES) == len(in_time)
    assert redis.zcard(keyspace.key_queue(key_id)) == redis.zcard(keyspace.TURNS) == len(in_time)
    assert redis.hget(keyspace.api_key(key_id), "credits") == b"%d" % (10_000 - len(in_time))
    assert redis.hget(keyspace.api_key(key_id), "held") == b"%d" % len(in_time)
    assert redis.zcard(keyspace.RQ_FAILED) == len(late)
    assert not redis.exists(*(f"rq:job:{request_id}" for request_id in late))


def test_one_step_ends_a_limited_number_of_requests(redis, reconciler, many):
    _, made = many
    redis.zadd(keyspace.DEADLINES, dict.fromkeys(made, 1))

    with recording(redis) as commands:
        reconciler.round()

    assert redis.zcard(keyspace.WAITING) == 0
    steps = [each["command"] for each in commands if each["command"].startswith("EVALSHA")]
    assert max(sum(request_id in step for request_id in made) for step in steps) == MAX_SWEPT


def test_a_running_request_and_an_unknown_entry_do_not_block_a_sweep(redis, transitions, reconciler, many):
    _, made = many
    worked_on, foreign = made[0], "00000000-0000-0000-0000-000000000000"
    transitions.claim(LEASE_OWNER)
    redis.set(keyspace.request(foreign), "no hash")
    redis.zadd(keyspace.DEADLINES, dict.fromkeys([foreign, *made], 1))

    reconciler.round()

    assert {transitions.read(request_id).status for request_id in made} == {Status.FAILED}
    assert redis.zcard(keyspace.LEASES) == 0
    assert "took longer" in transitions.read(worked_on).error


def test_all_delayed_requests_are_requeued_in_one_round(redis, transitions, reconciler, many, monkeypatch):
    monkeypatch.setattr(reconciler_module, "MAX_MOVE_S", 60)
    key_id, made = many
    for request_id in made:
        transitions.claim(LEASE_OWNER)
        transitions.retry(request_id, 1, Failure(FailureCode.INTERNAL, "broken"), delay_s=1)
    redis.zadd(keyspace.RQ_SCHEDULED, dict.fromkeys(made, 1))

    reconciler.round()

    assert redis.zcard(keyspace.key_queue(key_id)) > PAGE


def test_it_stops_in_the_middle_of_a_round(settings, redis, many):
    stopped = threading.Event()

    class StoppedInIt(Reconciler):
        def round(self) -> None:
            stopped.set()
            super().round()

    redis.zadd(keyspace.DEADLINES, dict.fromkeys(many[1], 1))

    StoppedInIt(redis, settings).run_until(stopped)

    assert redis.zcard(keyspace.WAITING) > 0


def test_it_continues_after_an_error_until_it_is_stopped(settings, caplog, monkeypatch):
    monkeypatch.setattr(reconciler_module, "INTERVAL_S", 0.01)
    away = Settings(redis_url="redis://127.0.0.1:1/0", data_dir=settings.data_dir)
    stopped = threading.Event()
    rounds = []

    class Counting(Reconciler):
        def run_once(self) -> None:
            rounds.append(1)
            with contextlib.suppress(IndexError):
                super().run_once()
            if len(rounds) == 2:
                stopped.set()

    Counting(connect(away), away).run_until(stopped)

    assert len(rounds) == 2
    assert "reconciling failed" in caplog.text


def test_each_request_that_failed_is_logged_as_an_error_with_its_code(
    redis, transitions, reconciler, many, caplog
):
    _, made = many
    alone, lost, *late = made
    redis.zadd(keyspace.DEADLINES, {alone: 1})
    reconciler.round()
    for _ in range(3):
        transitions.claim(LEASE_OWNER)
        reclaimed(redis, transitions, lost)
    redis.zadd(keyspace.DEADLINES, dict.fromkeys(late, 1))
    reconciler.round()

    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    for request_id, code in ((alone, "timeout"), (lost, "worker_lost")):
        (line,) = [record for record in errors if getattr(record, "request_id", "") == request_id]
        assert (line.status, line.code, line.getMessage()) == (
            "FAILED",
            code,
            f"request {request_id} FAILED: {code}",
        )
    for request_id in late:
        (line,) = [record for record in errors if request_id in record.getMessage()]
        assert (line.status, line.code) == ("FAILED", "timeout")


def reclaimed(redis, transitions, request_id):
    """Let its lease expire."""
    redis.zadd(keyspace.LEASES, {request_id: 1})
    with contextlib.suppress(IllegalMove):
        transitions.reclaim(request_id)
