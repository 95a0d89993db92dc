"""What the worker costs a job that does nothing, against RQ's own workers.

Jobs wait in the queue of one worker process; rounds alternate. Processor time of enqueueing, of the worker,
its child and Redis, and the time from queue to end.
"""

import logging
import os
import resource
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median
from tempfile import gettempdir
from uuid import uuid4

from redis import Redis
from rq import Queue, SimpleWorker, Worker

from benchmarks.harness import parser
from benchmarks.harness.figures import interleaved, table
from benchmarks.harness.machine import ROOT
from benchmarks.harness.processes import cpu_s, in_own_process
from benchmarks.harness.service import redis_cpu_s, redis_server
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.transitions import Transitions
from jobs.redis.connection import connect_worker
from worker.child.child import Child
from worker.child.messages import Order
from worker.warm_worker import WarmWorker

LABELS = {"ours": "Superimpose", "simple": "RQ SimpleWorker", "forking": "RQ Worker, forking"}
RQS = {"simple": SimpleWorker, "forking": Worker}
PARTS = ("enqueue", "work", "child", "redis", "wall")
HEADS = ("", "together", "enqueue", "worker", "child", "Redis", "elapsed", "over SimpleWorker")
FORKING_TAKES = 10  # times as long
MAX_WAITING = 1_000_000
PARAMS = {
    "base_image": "https://pictures.shop.example/catalogue/2026/spring/shirt-0123456789-front.jpg",
    "overlay_image": "https://pictures.shop.example/logos/customers/0123456789/logo.png",
    "rescale_factor": 0.4,
    "x_offset": 380,
    "y_offset": 300,
}

Step = Callable[[], object]


def main(arguments: Sequence[str]) -> None:
    options = parser("worker", __doc__, rounds=7, jobs=400).parse_args(arguments)
    with redis_server() as redis:
        print(shown(interleaved(no_ops(redis.url, options.jobs), options.rounds)))


def no_ops(redis_url: str, jobs: int) -> dict[str, Callable[[], dict[str, float]]]:
    """What measures each kind of worker."""
    counts = {"ours": jobs, "simple": jobs, "forking": max(1, jobs // FORKING_TAKES)}
    return {kind: partial(in_own_process, cost_ms, kind, redis_url, count) for kind, count in counts.items()}


def shown(costs: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Medians in ms a job, and what the job takes beyond RQ's SimpleWorker."""
    simple = median(cost["wall"] for cost in costs["simple"])
    rows = []
    for kind, rounds in costs.items():
        parts = [median(cost[part] for cost in rounds) for part in PARTS]
        figures = [f"{ms:.2f}" for ms in parts]
        over = f"{parts[-1] - simple:+.2f}"
        rows.append([LABELS[kind], f"**{median(map(cpu_ms, rounds)):.2f}**", *figures, over])
    return table(HEADS, rows)


def cpu_ms(cost: Mapping[str, float]) -> float:
    """Processor time of all processes but Redis."""
    return cost["enqueue"] + cost["work"] + cost["child"]


def cost_ms(kind: str, redis_url: str, jobs: int, waiting: int = 0, keys: int = 1) -> dict[str, float]:
    """Of a job, by part; for a process of its own.

    With `waiting` so many requests wait all the time, of so many `keys` in turn: for each job another is
    enqueued, as part of "work".
    """
    logging.disable(logging.WARNING)
    with Redis.from_url(redis_url) as redis:
        if not waiting:
            redis.flushdb()
        enqueue, work, child_before = (
            _ours(redis, redis_url, jobs, waiting, keys)
            if kind == "ours"
            else _rq(RQS[kind], redis, redis_url)
        )
        of_redis, begun = redis_cpu_s(redis), time.process_time()
        for _ in range(0 if waiting else jobs):
            enqueue()
        enqueued, started = time.process_time(), time.perf_counter()
        work()
        worked, ended = time.process_time(), time.perf_counter()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = {
            "enqueue": enqueued - begun,
            "work": worked - enqueued,
            "child": children.ru_utime + children.ru_stime - child_before,
            "redis": redis_cpu_s(redis) - of_redis,
            "wall": ended - started,
        }
    return {part: 1000 * each / jobs for part, each in seconds.items()}


def _ours(redis: Redis, redis_url: str, jobs: int, waiting: int, keys: int) -> tuple[Step, Step, float]:
    """How to enqueue a job, how to work them off, and the processor time of the child so far."""
    limits = {"max_waiting": MAX_WAITING, "max_waiting_per_key": MAX_WAITING}
    settings = Settings(redis_url=redis_url, data_dir=Path(gettempdir()), **limits)
    known = ApiKeys(redis).ids() or [ApiKeys(redis).create("benchmark")[0].key_id for _ in range(keys)]
    key_ids = cycle(known)
    transitions, left = Transitions(redis, settings), jobs

    def enqueue() -> None:
        transitions.create(NewRequest(str(uuid4()), next(key_ids), PARAMS))

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
    if waiting:
        _fill(redis, enqueue, waiting)
    worker = WarmWorker(connect_worker(settings), settings, NoOp)
    while not (child := worker._dispatcher.children.ready()):  # starting is not what is measured
        time.sleep(0.01)
    return enqueue, lambda: worker.work(burst=not waiting, logging_level="WARNING"), cpu_s([child.pid])


def _fill(redis: Redis, enqueue: Step, waiting: int) -> None:
    """Without waiting for the disk, as no client relies on these."""
    redis.config_set("appendfsync", "no")
    for _ in range(waiting - redis.zcard(keyspace.WAITING)):
        enqueue()
    redis.config_set("appendfsync", "always")
    while redis.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.1)


def _rq(kind: type[Worker], redis: Redis, redis_url: str) -> tuple[Step, Step, float]:
    queue = Queue(connection=redis)
    worker = kind([queue], connection=connect_worker(Settings(redis_url=redis_url)))
    return lambda: queue.enqueue(os.getpid), lambda: worker.work(burst=True, logging_level="WARNING"), 0.0
