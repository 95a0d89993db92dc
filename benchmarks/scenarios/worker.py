"""Overhead of the worker for an empty job, compared with RQ's own workers.

One worker process drains a queue. Measures CPU time of enqueueing, of the worker, its child and Redis, and
the elapsed time of draining.
"""

import logging
import os
import resource
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import gettempdir

from redis import Redis
from rq import Queue, SimpleWorker, Worker

from benchmarks.harness.figures import cost, interleaved, medians, table
from benchmarks.harness.machine import ROOT
from benchmarks.harness.processes import cpu_s, in_own_process, wait_for
from benchmarks.harness.requests import Requests
from benchmarks.harness.service import await_rewrite, redis_cpu_s, redis_server
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.redis.connection import connect_worker
from worker.child.child import Child
from worker.child.messages import Order
from worker.warm_worker import WarmWorker

PARTS = ("enqueue", "work", "child", "redis", "wall")
HEADS = ("", "together", "enqueue", "worker", "child", "Redis", "elapsed", "over SimpleWorker")
FORKING_FACTOR = 10  # times as long

Step = Callable[[], object]
Setup = tuple[Step, Step, float]
"""A function that enqueues a job, one that drains the queue, and the CPU time of the child so far."""


def main(rounds: int = 7, jobs: int = 400) -> None:
    kinds: dict[str, tuple[Callable[..., Setup], int]] = {
        "Superimpose": (our_worker, jobs),
        "RQ SimpleWorker": (partial(rq_worker, SimpleWorker), jobs),
        "RQ Worker, forking": (partial(rq_worker, Worker), max(1, jobs // FORKING_FACTOR)),
    }
    with redis_server() as server:
        contestants = {
            name: partial(in_own_process, cost_ms, prepare, server.url, count)
            for name, (prepare, count) in kinds.items()
        }
        samples = interleaved(contestants, rounds)
    simple = median(each["wall"] for each in samples["RQ SimpleWorker"])
    rows = []
    for name, costs in samples.items():
        together, *parts = medians([cpu_ms(each), *(each[part] for part in PARTS)] for each in costs)
        figures = [f"{ms:.2f}" for ms in parts]
        rows.append([name, f"**{together:.2f}**", *figures, f"{parts[-1] - simple:+.2f}"])
    print(table(HEADS, rows))


def cpu_ms(costs: Mapping[str, float]) -> float:
    """CPU time of all processes but Redis."""
    return costs["enqueue"] + costs["work"] + costs["child"]


def cost_ms(
    prepare: Callable[..., Setup], redis_url: str, jobs: int, waiting: int = 0, keys: int = 1
) -> dict[str, float]:
    """Costs per job by part; to be run in a process of its own.

    With `waiting`, that number of requests of `keys` keys waits all the time: each job enqueues another
    one, which counts as "work".
    """
    logging.disable(logging.WARNING)
    with Redis.from_url(redis_url) as redis:
        if not waiting:
            redis.flushdb()
        enqueue, work, child_before = prepare(redis, redis_url, jobs, waiting, keys)
        clocks = time.process_time, _children_s, partial(redis_cpu_s, redis), time.perf_counter
        enqueueing = cost(lambda: [enqueue() for _ in range(0 if waiting else jobs)], *clocks)
        working = cost(work, *clocks)
    redis_s = enqueueing[2] + working[2]
    seconds = enqueueing[0], working[0], working[1] - child_before, redis_s, working[3]
    return {part: 1000 * each / jobs for part, each in zip(PARTS, seconds, strict=True)}


def _children_s() -> float:
    """CPU time of finished children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def our_worker(redis: Redis, redis_url: str, jobs: int, waiting: int, keys: int) -> Setup:
    known = ApiKeys(redis).ids() or [ApiKeys(redis).create("benchmark")[0].key_id for _ in range(keys)]
    key_ids, left = cycle(known), jobs
    requests = Requests(redis, next(key_ids), redis_url=redis_url, data_dir=Path(gettempdir()))

    def enqueue() -> None:
        requests.begin()
        requests.key_id = next(key_ids)

    class NoOp(Child):
        module = "benchmarks.no_op_child"

        def start(self, order: Order) -> None:
            nonlocal left
            super().start(order)
            left -= 1
            if waiting:
                enqueue()
            if waiting and left == 0:
                os.kill(os.getpid(), signal.SIGTERM)  # stops the worker after this job

    os.environ["PYTHONPATH"] = str(ROOT)  # for the child's module
    if waiting:  # filling the queue need not wait for the disk
        redis.config_set("appendfsync", "no")
        requests.submit_many(islice(key_ids, max(0, waiting - redis.zcard(keyspace.WAITING))))
        redis.config_set("appendfsync", "always")
        await_rewrite(redis)
    worker = WarmWorker(connect_worker(requests.settings), requests.settings, NoOp)
    child = wait_for(worker._dispatcher.children.ready, "child")  # its start is not measured
    return enqueue, lambda: worker.work(burst=not waiting, logging_level="WARNING"), cpu_s([child.pid])


def rq_worker(kind: type[Worker], redis: Redis, redis_url: str, *_: int) -> Setup:
    queue = Queue(connection=redis)
    worker = kind([queue], connection=connect_worker(Settings(redis_url=redis_url)))
    return lambda: queue.enqueue(os.getpid), lambda: worker.work(burst=True, logging_level="WARNING"), 0.0
