"""Ways to load a contestant, and the upper bound: the compositor in a loop, in one process per core."""

import multiprocessing
import os
import time
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from typing import NamedTuple

from benchmarks import seed
from benchmarks.harness.clients import Client, Superimpose
from benchmarks.harness.inputs import Job
from benchmarks.harness.processes import suspended, wait_for
from compositor import DecodedCache, SuperimposeParams, superimpose
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.status import Status

CORES = os.cpu_count() or 1


class Batch(NamedTuple):
    """Pictures per second, from the first submit to the last picture fetched, and CPU time per job."""

    per_s: float
    cpu_ms: float


def batch(client: Client, jobs: Sequence[Job]) -> Batch:
    """Submit all jobs, then poll and fetch one picture after the other."""
    used, start = client.cpu_s(), time.perf_counter()
    for job_id in [client.submit(job) for job in jobs]:
        wait_for(partial(client.picture_if_done, job_id), "picture")
    took_s = time.perf_counter() - start
    return Batch(len(jobs) / took_s, 1000 * (client.cpu_s() - used) / len(jobs))


def drained(client: Superimpose, jobs: Sequence[Job]) -> tuple[float, float]:
    """Pictures a second and CPU ms per picture, with workers suspended while the queue is filled."""
    with suspended(client.pids[1:]):
        ids = [client.submit(job) for job in jobs]
        used, start = client.cpu_s(), time.perf_counter()
    for request_id in ids:
        _finished_at(client, request_id)
    return len(jobs) / (time.perf_counter() - start), 1000 * (client.cpu_s() - used) / len(jobs)


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
def bare_loop() -> Iterator[Callable[[int, str, bool], tuple[float, float]]]:
    """A function from number of jobs, format and cached inputs to pictures/s and CPU ms per picture.

    The processes stay warm between its calls.
    """
    with ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn")) as pool:

        def measure(jobs: int, image_format: str, cached: bool) -> tuple[float, float]:
            start, each = time.perf_counter(), jobs // CORES
            cpu_s = sum(pool.map(_loop_s, [each] * CORES, [image_format] * CORES, [cached] * CORES))
            jobs = each * CORES
            return jobs / (time.perf_counter() - start), 1000 * cpu_s / jobs

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
