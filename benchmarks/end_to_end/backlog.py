"""What a job that does nothing costs while a given number wait, with one worker process.

    python -m benchmarks.end_to_end.backlog --redis URL --waiting 100000 --jobs 300

Each job enqueues another one: the cost is that of enqueueing and of working, and the backlog stays as it is,
for the next time too. Prints ms a job as JSON.
"""

import argparse
import json
import logging
import os
import resource
import time
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from uuid import uuid4

from redis import Redis

from benchmarks.harness.processes import cpu_s
from benchmarks.no_op import ROOT, redis_cpu_s
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.transitions import Transitions
from jobs.redis.connection import connect_worker
from worker.child.child import Child
from worker.warm_worker import WarmWorker

PARAMS = {
    "base_image": "https://pictures.shop.example/catalogue/2026/spring/shirt-0123456789-front.jpg",
    "overlay_image": "https://pictures.shop.example/logos/customers/0123456789/logo.png",
    "rescale_factor": 0.4,
    "x_offset": 380,
    "y_offset": 300,
}


class Backlog:
    """Requests that wait in a database."""

    ROOM: dict[str, Any] = {"max_waiting": 1_000_000, "max_waiting_per_key": 1_000_000}

    def __init__(self, redis: Redis, settings: Settings, key_id: str) -> None:
        self._redis = redis
        self._transitions = Transitions(redis, settings)
        self._key_id = key_id

    def add(self) -> None:
        """One more."""
        request_id = str(uuid4())
        self._transitions.create(request_id, self._key_id, PARAMS)

    def fill(self, waiting: int) -> None:
        """As many as that; without waiting for the disk, as nobody relies on them."""
        self._redis.config_set("appendfsync", "no")
        for _ in range(waiting - self._redis.zcard(keyspace.WAITING)):  # type: ignore[operator]
            self.add()
        self._redis.config_set("appendfsync", "always")
        while self._redis.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.1)


def measure(redis: Redis, settings: Settings, jobs: int) -> dict[str, float]:
    """Ms a job."""
    worker = WarmWorker(connect_worker(settings), settings)
    child = worker._children.ready()  # starting is not what is measured
    of_child, of_redis = cpu_s([child.pid]), redis_cpu_s(redis)
    begun, started = time.process_time(), time.perf_counter()
    worker.work(logging_level="WARNING")
    ended, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = {
        "cpu": time.process_time() - begun + used.ru_utime + used.ru_stime - of_child,
        "redis": redis_cpu_s(redis) - of_redis,
        "wall": ended - started,
    }
    return {part: 1000 * each / jobs for part, each in seconds.items()}


def main() -> None:
    """Fill up, then measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--redis", required=True)
    parser.add_argument("--waiting", type=int, required=True)
    parser.add_argument("--jobs", type=int, required=True)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    settings = Settings(redis_url=given.redis, data_dir=Path(gettempdir()), **Backlog.ROOM)
    with Redis.from_url(given.redis) as redis:
        key_id = ApiKeys(redis).create("benchmark")[0].key_id
        Backlog(redis, settings, key_id).fill(given.waiting)
        Child.module = "benchmarks.end_to_end.refilling_child"
        os.environ |= {
            "PYTHONPATH": str(ROOT),
            "BENCH_REDIS": given.redis,
            "BENCH_KEY_ID": key_id,
            "BENCH_JOBS": str(given.jobs),
        }
        print(json.dumps(measure(redis, settings, given.jobs)))


if __name__ == "__main__":
    main()
