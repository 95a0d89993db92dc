"""Nothing that is written into RQ's keys is run, and the next real job still is."""

import json
import os
import pickle
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from uuid import uuid4

import pytest
from redis import Redis
from rq import Queue, Retry, SimpleWorker
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from jobs.cancellation import Cancellation
from jobs.keyspace import DEADLINES, LEASES, QUEUE
from jobs.lifecycle.status import Status
from jobs.lifecycle.transitions import Transitions
from jobs.queue.rq import TASK, open_queue
from tests.asking import LEASE_OWNER, SAMPLES, accept, asked
from tests.worker.conftest import new_worker, work
from worker.child.child import Child

CANARY = "superimpose_canary"
"""A module that leaves a trace when it is imported, with a function that leaves another."""


class Trap:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (os.environ["CANARY_DIRECTORY"] + "/unpickled",)


def call(function: object = f"{CANARY}.sing", arguments: object = (), instance: object = None) -> bytes:
    return zlib.compress(json.dumps([function, instance, arguments, {}]).encode())


def pickled() -> bytes:
    return pickle.dumps(Trap())


def hash_of(redis: Redis, job_id: str) -> str:
    """A copy of a real job's hash."""
    retry = Retry(max=3)
    job = open_queue(redis).create_job(
        TASK, args=(job_id,), job_id=job_id, description="superimpose", retry=retry
    )
    job.origin = QUEUE
    job.set_status("queued")
    job.save()
    return job.key


def queued(**fields: object) -> Callable[[Redis], None]:
    """Queues a valid job of an unknown request, except for these fields."""

    def plant(redis: Redis) -> None:
        job_id = str(uuid4())
        key = hash_of(redis, job_id)
        redis.hset(key, mapping=fields)
        redis.rpush(f"rq:queue:{QUEUE}", job_id)

    return plant


def abandoned(**fields: object) -> Callable[[Redis], None]:
    """The same as a job of a dead worker."""

    def plant(redis: Redis) -> None:
        job_id = str(uuid4())
        key = hash_of(redis, job_id)
        redis.hset(key, mapping={"status": "started", "retries_left": "0", **fields})
        redis.zadd(f"rq:wip:{QUEUE}", {f"{job_id}:{uuid4().hex}": 1})

    return plant


def entry(raw: str | bytes, key: str = f"rq:queue:{QUEUE}") -> Callable[[Redis], None]:
    return lambda redis: redis.rpush(key, raw)


def member(raw: str | bytes, key: str) -> Callable[[Redis], None]:
    return lambda redis: redis.zadd(key, {raw: 1})


def wrong_type(key: str) -> Callable[[Redis], None]:
    return lambda redis: redis.set(key, "not what belongs here")


def key_of_job(template: str) -> Callable[[Redis], None]:
    """A real job, with one of its other keys of the wrong type."""

    def plant(redis: Redis) -> None:
        job_id = str(uuid4())
        hash_of(redis, job_id)
        redis.set(template.format(job_id), "not what belongs here")
        redis.rpush(f"rq:queue:{QUEUE}", job_id)

    return plant


def dependent(redis: Redis) -> None:
    """A job that depends on ours."""
    parent, child = str(uuid4()), str(uuid4())
    hash_of(redis, parent)
    redis.hset(hash_of(redis, child), mapping={"data": call(), "status": "deferred", "dependency_ids": "[]"})
    redis.sadd(f"rq:job:{parent}:dependents", child, b"\xff")
    redis.rpush(f"rq:queue:{QUEUE}", parent)
    redis.zadd(f"rq:ready:{QUEUE}", {child: 1, b"\xff": 1})
    redis.zadd(f"rq:deferred:{QUEUE}", {child: 1})


def group(redis: Redis) -> None:
    redis.sadd("rq:groups", b"\xff", "g")
    redis.sadd("rq:group:g", b"\xff")
    redis.sadd("rq:rl-keys", b"\xff", "k")
    redis.set("rq:rl:k", "no hash")


CALLBACKS = {f"{kind}_callback_name": f"{CANARY}.sing" for kind in ("success", "failure", "stopped")}
HOOK = json.dumps([{"url": "http://127.0.0.1:9/", "status": "failed", "job_status": "failed"}])
LONG_AGO = "0000-99-99T99:99:99Z"

POISONS: dict[str, Callable[[Redis], None]] = {
    "another function": queued(data=call()),
    "a builtin": queued(data=call("builtins.print", ["x"])),
    "a method of an object": queued(data=call("sing", instance=CANARY)),
    "our task with another argument": queued(data=call(TASK, ["../../etc"])),
    "our task with another request": queued(data=call(TASK, [str(uuid4())])),
    "our task without arguments": queued(data=call(TASK)),
    "data that is no zlib": queued(data=b"\xff\xfe garbage"),
    "data that is no JSON": queued(data=zlib.compress(b"{")),
    "data that nests": queued(data=zlib.compress(b"[" * 100_000)),
    "data that is a bomb": queued(data=zlib.compress(b" " * 50_000_000)),
    "data that is missing": queued(data=b""),
    "a pickle": lambda redis: queued(data=zlib.compress(pickled()), meta=pickled())(redis),
    "a pickled result": lambda redis: queued(result=pickled(), exc_info=b"\xff")(redis),
    "callbacks": queued(**CALLBACKS),
    "callbacks, and a worker that died": abandoned(**CALLBACKS),
    "callbacks, and nothing that can run": queued(**CALLBACKS, data=call()),
    "a webhook": abandoned(webhooks=HOOK),
    "repeats": queued(repeats_left="9", repeat_intervals="[0]"),
    "repeats that are garbage": queued(repeats_left="x", repeat_intervals="{"),
    "retry intervals": queued(retry_intervals='["x"]'),
    "no status": queued(status=""),
    "another status": queued(status="resting"),
    "another queue": queued(origin="elsewhere"),
    "a timeout in words": queued(timeout="soon"),
    "a timeout without end": queued(timeout="9" * 400),
    "a time to live below zero": queued(failure_ttl="-1"),
    "a time that is none": queued(created_at=LONG_AGO, enqueued_at="\xff"),
    "a worker's name with line ends": queued(worker_name="a\nb"),
    "dependencies": queued(dependency_ids="[1, 2", allow_dependency_failures="x"),
    "a dependent": dependent,
    "a group": group,
    "a member of a group": queued(group_id="nobody"),
    "a rate limit": queued(rate_limit_key="k", rate_limit_concurrency="x"),
    "an abandoned job of another function": abandoned(data=call()),
    "an abandoned job with broken times": abandoned(started_at="then", ended_at="later"),
    "an id without a job": entry(str(uuid4())),
    "an id that is not UTF-8": entry(b"\xff\xfe"),
    "an id that is enormous": entry("a" * 10_000_000),
    "an id that is a path": entry("../../etc/passwd"),
    "an id with colons": entry("a:b:c"),
    "an id that is empty": entry(""),
    "a stuck id that is not UTF-8": entry(b"\xff", f"rq:queue:{QUEUE}:intermediate"),
    "a stuck id that is no id": entry("a b", f"rq:queue:{QUEUE}:intermediate"),
    "an execution that is none": member("a", f"rq:wip:{QUEUE}"),
    "an execution of too many parts": member("a:b:c", f"rq:wip:{QUEUE}"),
    "an execution that is not UTF-8": member(b"\xff", f"rq:wip:{QUEUE}"),
    "a deadline of nobody": member(b"\xff", DEADLINES),
    "a lease of nobody": member(b"\xff", LEASES),
    "a job of nobody that waits": member(b"\xff", f"rq:scheduled:{QUEUE}"),
    "a worker that is none": lambda redis: redis.sadd(f"rq:workers:{QUEUE}", b"\xff"),
    "a job that is a string": key_of_job("rq:job:{}"),
    "executions that are a string": key_of_job("rq:executions:{}"),
    "results that are a string": key_of_job("rq:results:{}"),
    "dependents that are a string": key_of_job("rq:job:{}:dependents"),
}

STRINGS = (
    f"rq:queue:{QUEUE}",
    f"rq:queue:{QUEUE}:intermediate",
    f"rq:wip:{QUEUE}",
    f"rq:scheduled:{QUEUE}",
    f"rq:finished:{QUEUE}",
    f"rq:failed:{QUEUE}",
    f"rq:deferred:{QUEUE}",
    f"rq:ready:{QUEUE}",
    f"rq:workers:{QUEUE}",
    "rq:workers",
    "rq:queues",
    "rq:groups",
    "rq:rl-keys",
)


@pytest.fixture
def submit(redis, settings, key_id):
    return lambda: accept(settings, asked(settings, key_id)).request_id


@pytest.fixture
def status(redis, settings):
    def status(request_id: str) -> Status | None:
        record = Transitions(redis, settings).read(request_id)
        return record.status if record else None

    return status


@pytest.fixture
def traces(tmp_path, monkeypatch):
    """The folder where a canary leaves a file if any process imports, calls or unpickles it."""
    directory = tmp_path / "traces"
    directory.mkdir()
    (tmp_path / f"{CANARY}.py").write_text(
        "import os, pathlib, uuid\n"
        "def sing(*_, **__):\n"
        "    (pathlib.Path(os.environ['CANARY_DIRECTORY']) / uuid.uuid4().hex).touch()\n"
        "sing()\n"
    )
    monkeypatch.setenv("CANARY_DIRECTORY", str(directory))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    yield directory
    sys.modules.pop(CANARY, None)


def test_the_canary_works_when_rq_itself_runs_it(redis, traces):
    """Otherwise its silence in the other tests would prove nothing."""
    queue = Queue("unguarded", connection=redis, serializer=JSONSerializer)
    queue.enqueue(f"{CANARY}.sing")

    SimpleWorker([queue], connection=redis, serializer=JSONSerializer).work(burst=True)

    assert len(list(traces.iterdir())) == 2


def test_no_poisoned_job_is_run_and_the_next_job_is(redis, settings, submit, status, traces, subtests):
    after = {}
    for poison, plant in POISONS.items():
        plant(redis)
        after[poison] = submit()

    work(settings, Child)

    for poison, request_id in after.items():
        with subtests.test(poison):
            assert status(request_id) is Status.COMPLETED
    assert list(traces.iterdir()) == []
    assert redis.llen(f"rq:queue:{QUEUE}") == 0
    assert redis.llen(f"rq:queue:{QUEUE}:intermediate") == 0
    assert redis.zrangebyscore(f"rq:wip:{QUEUE}", "-inf", time.time()) == []


def test_keys_of_a_wrong_type_are_deleted(redis, settings, submit, status):
    for key in STRINGS:
        redis.set(key, "not what belongs here")

    work(settings)
    request_id = submit()
    work(settings)

    assert status(request_id) is Status.COMPLETED


def test_a_queue_that_became_a_string_is_deleted_by_the_next_claim(redis, settings):
    redis.set(f"rq:queue:{QUEUE}", "not what belongs here")

    assert Transitions(redis, settings).claim(LEASE_OWNER) == []
    assert redis.exists(f"rq:queue:{QUEUE}") == 0


def test_a_request_whose_job_is_poisoned_can_be_cancelled(redis, settings, submit, status):
    request_id = submit()
    redis.hset(f"rq:job:{request_id}", mapping={"data": call(), "status": "resting", "worker_name": "a"})

    Cancellation(redis, settings).cancel(request_id)

    assert status(request_id) is Status.FAILED
    assert redis.lrange(f"rq:queue:{QUEUE}", 0, -1) == []


COMMANDS = (
    b"\xff",
    b"",
    b"[" * 100_000,
    b"7",
    b"{}",
    b'{"command": "shutdown"}',
    b'{"command": "kill-horse"}',
    b'{"command": "stop-job"}',
    b'{"command": "stop-job", "job_id": ["x"]}',
    b'{"command": "stop-job", "job_id": "a36c15fa-23ed-4021-a1b6-fc0e8d4c3a5e"}',
    b'{"command": "stop-execution", "execution_id": "x"}',
)


def test_only_a_command_to_stop_a_job_in_flight_is_obeyed(redis, settings, key_id, origin, status):
    settings = settings.model_copy(update={"fetch_allow": ("127.0.0.1/32",)})
    path = "/hangs.jpg?commands"
    cancelled, next_one = (
        accept(settings, asked(settings, key_id, SAMPLES | {"base_image": base})).request_id
        for base in (origin.url + path, SAMPLES["base_image"])
    )
    worker = new_worker(settings)

    def command() -> None:
        origin.await_request(path)
        for each in COMMANDS:
            redis.publish(f"rq:pubsub:{worker.name}", each)
        Cancellation(redis, settings).cancel(cancelled)

    threading.Thread(target=command, daemon=True).start()
    worker.work(burst=True)

    job = open_queue(redis).fetch_job(cancelled)
    assert job is not None
    assert job.get_status() is JobStatus.FAILED
    assert origin.asked.count(path) == 1
    assert status(next_one) is Status.COMPLETED


def test_rqs_own_tools_read_our_queue(redis, settings, submit, key_id):
    submit()
    url = settings.effective_redis_url

    shown = subprocess.run(
        [sys.executable, "-m", "rq.cli", "info", "--raw", "--url", url], capture_output=True, text=True
    )

    assert shown.returncode == 0, shown.stderr
    assert f"queue {QUEUE}:{key_id} 1" in shown.stdout
