"""Ways to load a contestant, and the upper bound: the compositor in a loop, in one process per core."""

import multiprocessing
import os
import time
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache, partial

from benchmarks import seed
from benchmarks.harness.clients import Client, Job, Superimpose
from benchmarks.harness.figures import Pace, pace
from benchmarks.harness.processes import suspended, wait_for
from compositor import DecodedCache, SuperimposeParams, superimpose
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.status import Status

CORES = os.cpu_count() or 1


def batch(client: Client, jobs: Sequence[Job]) -> Pace:
    """Submit all jobs, then poll and fetch one picture after the other."""

    def render() -> None:
        for job_id in [client.submit(job) for job in jobs]:
            wait_for(partial(client.picture_if_done, job_id), "picture")

    return pace(render, len(jobs), client.cpu_s)


def drained(client: Superimpose, jobs: Sequence[Job]) -> Pace:
    """The pace of workers that are suspended until the queue is full and the clocks are read."""
    with ExitStack() as stack:
        stack.enter_context(suspended(client.pids[1:]))
        ids = [client.submit(job) for job in jobs]

        def drain() -> None:
            stack.close()  # resumes the workers
            for request_id in ids:
                _finished_at(client, request_id)

        return pace(drain, len(jobs), client.cpu_s)


def steady_per_s(client: Superimpose, jobs: Sequence[Job], late: Container[Job] = ()) -> float:
    """Pictures a second from a full queue, without the start, when the pipeline fills, and the tail.

    Counts from the end of the first tenth of the jobs to the last end of a job that is not `late`.
    """
    with suspended(client.pids[1:]):
        submitted = [(job in late, client.submit(job)) for job in jobs]
    ends = [(is_late, _finished_at(client, request_id)) for is_late, request_id in submitted]
    last = max(at for is_late, at in ends if not is_late)
    counted = sorted(at for _, at in ends if at <= last)[len(jobs) // 10 :]
    return (len(counted) - 1) / (last - counted[0])


def _finished_at(client: Superimpose, request_id: str) -> float:
    """Wait for the end of a request; returns Unix seconds by Redis's clock."""

    def finished_at() -> float | None:
        status, ms = client.redis.hmget(keyspace.request(request_id), "status", "finished_at")
        if status == Status.FAILED.encode():
            raise RuntimeError(f"request {request_id} failed")
        return int(ms) / 1000 if status == Status.COMPLETED.encode() else None

    return wait_for(finished_at, "end", pause_s=0.01)


@contextmanager
def bare_loop() -> Iterator[Callable[[int, str, bool], Pace]]:
    """A function from number of jobs, format and cached inputs to the pace of processes that stay warm."""
    with ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn")) as pool:

        def measure(jobs: int, image_format: str, cached: bool) -> Pace:
            start, each = time.perf_counter(), jobs // CORES
            cpu_s = sum(pool.map(_loop_s, [each] * CORES, [image_format] * CORES, [cached] * CORES))
            jobs = each * CORES
            return Pace(jobs / (time.perf_counter() - start), 1000 * cpu_s / jobs)

        for cached in (False, True):
            measure(4 * CORES, "jpeg", cached)
        yield measure


@cache
def _decoded() -> DecodedCache:
    return DecodedCache(Settings().cache_bytes)


def _loop_s(jobs: int, image_format: str, cached: bool) -> float:
    """CPU seconds of a loop over the seed example."""
    inputs = seed.base_jpeg(), seed.overlay_png()
    params = SuperimposeParams(**seed.PARAMS, image_format=image_format)
    used = time.process_time()
    for _ in range(jobs):
        superimpose(*inputs, params, cache=_decoded() if cached else None)
    return time.process_time() - used
