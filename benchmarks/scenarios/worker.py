"""What the worker itself costs a job that does nothing, against RQ's own workers, in one run.

Jobs wait in the queue; the time is from there to the record that has ended (RQ's: to its finished job).
Prints ms a job, as medians over alternating rounds.

    python -m benchmarks.scenarios.worker [--rounds 7] [--jobs 400]
"""

import argparse
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from uuid import uuid4

from redis import Redis
from rq import Queue, SimpleWorker, Worker
from rq.serializers import JSONSerializer

from cli.serve.redis_server import await_ready, server_command
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.transitions import Transitions
from jobs.redis.connection import connect_worker
from worker.child.child import Child
from worker.warm_worker import WarmWorker

FORKING_JOBS = 50  # of RQ's forking worker a round, which takes ten times as long


def nothing() -> None:
    """The job of RQ's own workers."""


def ours(redis: Redis, settings: Settings, jobs: int) -> Callable[[], object]:
    """A worker with `jobs` requests before it."""
    transitions = Transitions(redis, settings)
    key_id = ApiKeys(redis).create("benchmark")[0].key_id
    for _ in range(jobs):
        request_id = str(uuid4())
        transitions.create(request_id, key_id, {})
    worker = WarmWorker(connect_worker(settings), settings)
    worker._children.ready()  # starting is not what is measured
    return lambda: worker.work(burst=True, logging_level="WARNING")


def rqs(kind: type[Worker], redis: Redis, settings: Settings, jobs: int) -> Callable[[], object]:
    """One of RQ's workers with `jobs` jobs before it."""
    queue = Queue("plain", connection=redis, serializer=JSONSerializer)
    for _ in range(jobs):
        queue.enqueue("benchmarks.scenarios.worker.nothing")
    worker = kind([queue], connection=connect_worker(settings), serializer=JSONSerializer)
    return lambda: worker.work(burst=True, logging_level="WARNING")


def timed(prepared: Callable[[], object], jobs: int) -> float:
    """Ms a job."""
    start = time.perf_counter()
    prepared()
    return 1000 * (time.perf_counter() - start) / jobs


def measure(redis: Redis, settings: Settings, rounds: int, jobs: int) -> None:
    """Measure and print."""
    contenders: dict[str, tuple[int, Callable[[], Callable[[], object]]]] = {
        "warm worker (ours)": (jobs, lambda: ours(redis, settings, jobs)),
        "RQ SimpleWorker": (jobs, lambda: rqs(SimpleWorker, redis, settings, jobs)),
        "RQ Worker, forking": (FORKING_JOBS, lambda: rqs(Worker, redis, settings, FORKING_JOBS)),
    }
    seen: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (count, prepare) in contenders.items():
            redis.flushdb()
            seen[name].append(timed(prepare(), count))
    simple = median(seen["RQ SimpleWorker"])
    print(f"{'ms a job, median of ' + str(rounds) + ' rounds':32} {'ms':>8} {'over SimpleWorker':>18}")
    for name, times in seen.items():
        print(f"{name:32} {median(times):8.2f} {median(times) - simple:+18.2f}")


def main() -> None:
    """On a Redis of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=400)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    Child.module = "benchmarks.no_op_child"
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])  # where the child finds it
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        socket = Path(folder, "redis.sock")
        process = subprocess.Popen(server_command(Path(folder), socket), stdout=subprocess.DEVNULL)
        try:
            await_ready(socket, lambda: process.poll() is not None)
            settings = Settings(redis_url=f"unix://{socket}", data_dir=Path(folder))
            with Redis.from_url(settings.redis_url) as redis:
                measure(redis, settings, given.rounds, given.jobs)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
