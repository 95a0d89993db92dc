"""What a job that does nothing costs from its enqueueing to its terminal record, with one worker process.

    python -m benchmarks.no_op ours|simple|forking --redis URL --jobs 1000

A process of its own, so that its processor time is all there is. Prints ms a job as JSON: `enqueue`, `work`
and `child` of processor time, `redis` what Redis used meanwhile, `wall` the time that the worker took.
"""

import argparse
import json
import logging
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from uuid import uuid4

from redis import Redis
from rq import Queue, SimpleWorker, Worker

from benchmarks.harness.processes import cpu_s
from benchmarks.scenarios.worker import nothing
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.transitions import Transitions
from jobs.redis.connection import connect_worker
from worker.child.child import Child
from worker.warm_worker import WarmWorker

ROOT = Path(__file__).parents[1]

Job = Callable[[], object]


def ours(redis: Redis, settings: Settings) -> tuple[Job, Job, float]:
    """How to enqueue a job, how to work until there is none, and what the child has used before."""
    transitions = Transitions(redis, settings)
    key_id = ApiKeys(redis).create("benchmark")[0].key_id
    worker = WarmWorker(connect_worker(settings), settings)
    child = worker._children.ready()  # starting is not what is measured

    def enqueue() -> None:
        request_id = str(uuid4())
        transitions.create(request_id, key_id, {})

    return enqueue, lambda: worker.work(burst=True, logging_level="WARNING"), cpu_s([child.pid])


def rqs(kind: type[Worker], redis: Redis, settings: Settings) -> tuple[Job, Job, float]:
    """The same of RQ's workers, as they are."""
    queue = Queue(connection=redis)
    worker = kind([queue], connection=connect_worker(settings))
    return lambda: queue.enqueue(nothing), lambda: worker.work(burst=True, logging_level="WARNING"), 0.0


KINDS = {
    "ours": ours,
    "simple": lambda redis, settings: rqs(SimpleWorker, redis, settings),
    "forking": lambda redis, settings: rqs(Worker, redis, settings),
}


def measure(kind: str, redis: Redis, settings: Settings, jobs: int) -> dict[str, float]:
    """Ms a job."""
    enqueue, work, child_before = KINDS[kind](redis, settings)
    of_redis, begun = redis_cpu_s(redis), time.process_time()
    for _ in range(jobs):
        enqueue()
    enqueued, started = time.process_time(), time.perf_counter()
    work()
    worked, ended = time.process_time(), time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = {
        "enqueue": enqueued - begun,
        "work": worked - enqueued,
        "child": used.ru_utime + used.ru_stime - child_before,
        "redis": redis_cpu_s(redis) - of_redis,
        "wall": ended - started,
    }
    return {part: 1000 * each / jobs for part, each in seconds.items()}


def redis_cpu_s(redis: Redis) -> float:
    """Processor time that Redis has used."""
    used = redis.info("cpu")
    return float(used["used_cpu_sys"]) + float(used["used_cpu_user"])


def main() -> None:
    """On an empty database."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--redis", required=True)
    parser.add_argument("--jobs", type=int, required=True)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    Child.module = "benchmarks.no_op_child"
    os.environ["PYTHONPATH"] = str(ROOT)  # where the child finds it
    settings = Settings(redis_url=given.redis, data_dir=Path(gettempdir()))
    with Redis.from_url(given.redis) as redis:
        redis.flushdb()
        print(json.dumps(measure(given.kind, redis, settings, given.jobs)))


if __name__ == "__main__":
    main()
