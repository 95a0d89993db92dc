"""What a job that does nothing costs from its enqueueing to its terminal record, with one worker process.

    python -m benchmarks.no_op ours|simple|forking --redis URL --jobs 1000 [--waiting 100000]

A process of its own, so that its processor time is all there is. With `--waiting` that many requests wait
all the time: the child enqueues another one for each job, which then counts as its cost. Prints ms a job as
JSON: processor time of enqueueing, of the worker, its child and Redis, and the time from queue to end.
"""

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from uuid import uuid4

from redis import Redis
from rq import Queue, SimpleWorker, Worker

from benchmarks.harness import redis_server
from benchmarks.harness.machine import ROOT
from benchmarks.harness.processes import cpu_s
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.transitions import Transitions
from jobs.redis.connection import connect_worker
from worker.child.child import Child
from worker.warm_worker import WarmWorker

MAX_WAITING = 1_000_000
PARAMS = {
    "base_image": "https://pictures.shop.example/catalogue/2026/spring/shirt-0123456789-front.jpg",
    "overlay_image": "https://pictures.shop.example/logos/customers/0123456789/logo.png",
    "rescale_factor": 0.4,
    "x_offset": 380,
    "y_offset": 300,
}
RQS = {"simple": SimpleWorker, "forking": Worker}

Job = Callable[[], object]


def cost_ms(kind: str, redis_url: str, jobs: int, waiting: int = 0) -> dict[str, float]:
    """Run this module, and return what it prints."""
    options = ["--redis", redis_url, "--jobs", str(jobs), "--waiting", str(waiting)]
    command = [sys.executable, "-m", __name__, kind, *options]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {part: float(ms) for part, ms in json.loads(printed).items()}


def cpu_ms(cost: dict[str, float]) -> float:
    """Processor time of all processes but Redis."""
    return cost["enqueue"] + cost["work"] + cost["child"]


def settings(redis_url: str) -> Settings:
    limits = {"max_waiting": MAX_WAITING, "max_waiting_per_key": MAX_WAITING}
    return Settings(redis_url=redis_url, data_dir=Path(gettempdir()), **limits)


def enqueueing(redis: Redis, ours: Settings, key_id: str) -> Job:
    transitions = Transitions(redis, ours)
    return lambda: transitions.create(str(uuid4()), key_id, PARAMS)


def fill(redis: Redis, enqueue: Job, waiting: int) -> None:
    """Without waiting for the disk, as no client relies on these."""
    redis.config_set("appendfsync", "no")
    for _ in range(waiting - redis.zcard(keyspace.WAITING)):
        enqueue()
    redis.config_set("appendfsync", "always")
    while redis.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.1)


def of_ours(redis: Redis, redis_url: str, jobs: int, waiting: int) -> tuple[Job, Job, float]:
    """How to enqueue a job, how to work them off, and the processor time of the child so far."""
    key_id = ApiKeys(redis).create("benchmark")[0].key_id
    enqueue = enqueueing(redis, settings(redis_url), key_id)
    Child.module = "benchmarks.no_op_child"
    os.environ["PYTHONPATH"] = str(ROOT)  # where the child finds it
    if waiting:
        fill(redis, enqueue, waiting)
        os.environ |= {"BENCH_REDIS": redis_url, "BENCH_KEY_ID": key_id, "BENCH_JOBS": str(jobs)}
    worker = WarmWorker(connect_worker(settings(redis_url)), settings(redis_url))
    child = worker._children.ready()  # starting is not what is measured
    work = lambda: worker.work(burst=not waiting, logging_level="WARNING")  # noqa: E731
    return enqueue, work, cpu_s([child.pid])


def of_rq(kind: type[Worker], redis: Redis, redis_url: str) -> tuple[Job, Job, float]:
    queue = Queue(connection=redis)
    worker = kind([queue], connection=connect_worker(settings(redis_url)))
    return lambda: queue.enqueue(os.getpid), lambda: worker.work(burst=True, logging_level="WARNING"), 0.0


def measure(kind: str, redis: Redis, redis_url: str, jobs: int, waiting: int) -> dict[str, float]:
    enqueue, work, child_before = (
        of_ours(redis, redis_url, jobs, waiting) if kind == "ours" else of_rq(RQS[kind], redis, redis_url)
    )
    of_redis, begun = redis_server.cpu_s(redis), time.process_time()
    for _ in range(0 if waiting else jobs):
        enqueue()
    enqueued, started = time.process_time(), time.perf_counter()
    work()
    worked, ended = time.process_time(), time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = {
        "enqueue": enqueued - begun,
        "work": worked - enqueued,
        "child": used.ru_utime + used.ru_stime - child_before,
        "redis": redis_server.cpu_s(redis) - of_redis,
        "wall": ended - started,
    }
    return {part: 1000 * each / jobs for part, each in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("ours", *RQS))
    parser.add_argument("--redis", required=True)
    parser.add_argument("--jobs", type=int, required=True)
    parser.add_argument("--waiting", type=int, default=0)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    with Redis.from_url(options.redis) as redis:
        if not options.waiting:
            redis.flushdb()
        print(json.dumps(measure(options.kind, redis, options.redis, options.jobs, options.waiting)))


if __name__ == "__main__":
    main()
