"""What the worker costs a job that does nothing, against RQ's own workers.

Jobs wait in the queue of one worker process; rounds alternate. Processor time of enqueueing, of the worker,
its child and Redis, and the time from queue to end.
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
from benchmarks.harness.processes import cpu_s, in_own_process, until
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
FORKING_TAKES = 10  # times as long

Step = Callable[[], object]
Prepared = tuple[Step, Step, float]
"""How to enqueue a job, how to work them off, and the processor time of the child so far."""


def main(rounds: int = 7, jobs: int = 400) -> None:
    with redis_server() as server:
        kinds: dict[str, tuple[Callable[..., Prepared], int]] = {
            "Superimpose": (ours, jobs),
            "RQ SimpleWorker": (partial(rqs, SimpleWorker), jobs),
            "RQ Worker, forking": (partial(rqs, Worker), max(1, jobs // FORKING_TAKES)),
        }
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
    """Processor time of all processes but Redis."""
    return costs["enqueue"] + costs["work"] + costs["child"]


def cost_ms(
    prepare: Callable[..., Prepared], redis_url: str, jobs: int, waiting: int = 0, keys: int = 1
) -> dict[str, float]:
    """Of a job, by part; for a process of its own.

    With `waiting` so many requests wait all the time, of so many `keys` in turn: for each job another is
    enqueued, as part of "work".
    """
    logging.disable(logging.WARNING)
    with Redis.from_url(redis_url) as redis:
        if not waiting:
            redis.flushdb()
        enqueue, work, child_before = prepare(redis, redis_url, jobs, waiting, keys)
        clocks = time.process_time, _children_s, partial(redis_cpu_s, redis), time.perf_counter
        enqueueing = cost(lambda: [enqueue() for _ in range(0 if waiting else jobs)], *clocks)
        working = cost(work, *clocks)
    seconds = {
        "enqueue": enqueueing[0],
        "work": working[0],
        "child": working[1] - child_before,
        "redis": enqueueing[2] + working[2],
        "wall": working[3],
    }
    return {part: 1000 * each / jobs for part, each in seconds.items()}


def _children_s() -> float:
    """Processor time of children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ours(redis: Redis, redis_url: str, jobs: int, waiting: int, keys: int) -> Prepared:
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
                os.kill(os.getpid(), signal.SIGTERM)  # ends the worker after this job

    os.environ["PYTHONPATH"] = str(ROOT)  # where the child finds its module
    if waiting:  # without waiting for the disk, as no client relies on these
        redis.config_set("appendfsync", "no")
        requests.begin_many(islice(key_ids, max(0, waiting - redis.zcard(keyspace.WAITING))))
        redis.config_set("appendfsync", "always")
        await_rewrite(redis)
    worker = WarmWorker(connect_worker(requests.settings), requests.settings, NoOp)
    child = until(worker._dispatcher.children.ready, "child")  # starting is not what is measured
    return enqueue, lambda: worker.work(burst=not waiting, logging_level="WARNING"), cpu_s([child.pid])


def rqs(kind: type[Worker], redis: Redis, redis_url: str, *_: int) -> Prepared:
    queue = Queue(connection=redis)
    worker = kind([queue], connection=connect_worker(Settings(redis_url=redis_url)))
    return lambda: queue.enqueue(os.getpid), lambda: worker.work(burst=True, logging_level="WARNING"), 0.0
