"""Two ways to load a contestant, and the limit of both: the compositor in a loop, in a process a core."""

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
from benchmarks.harness.processes import suspended, until
from compositor import DecodedCache, SuperimposeParams, superimpose
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.status import Status

CORES = os.cpu_count() or 1


class Batch(NamedTuple):
    """Pictures per second, from the first submit to the last picture, and processor time a job.

    `steady_per_s` leaves out the first tenth, in which a pipeline fills.
    """

    per_s: float
    steady_per_s: float
    cpu_ms: float


def batch(client: Client, jobs: Sequence[Job], beside: Container[Job] = ()) -> Batch:
    """Submit all, then follow each until its picture is fetched; those `beside` are not counted."""
    used, start, done_at = client.cpu_s(), time.perf_counter(), []
    submitted = [(job in beside, client.submit(job)) for job in jobs]
    counted = [job_id for is_beside, job_id in submitted if not is_beside]
    for job_id in counted:
        until(partial(client.picture_if_done, job_id), "picture")
        done_at.append(time.perf_counter() - start)
    cpu_ms = 1000 * (client.cpu_s() - used) / len(counted)
    for is_beside, job_id in submitted:
        if is_beside:
            until(partial(client.picture_if_done, job_id), "picture")
    first = len(counted) // 10
    steady_per_s = (len(counted) - 1 - first) / (done_at[-1] - done_at[first])
    return Batch(len(counted) / done_at[-1], steady_per_s, cpu_ms)


def drained(client: Superimpose, jobs: Sequence[Job]) -> tuple[float, float]:
    """Pictures a second and CPU ms a picture, workers standing still while the queue is filled."""
    with suspended(client.pids[1:]):
        ids = [client.submit(job) for job in jobs]
        used, start = client.cpu_s(), time.perf_counter()

    def is_completed(request_id: str) -> bool:
        status = client.redis.hget(keyspace.request(request_id), "status")
        if status == Status.FAILED.encode():
            raise RuntimeError(f"request {request_id} failed")
        return status == Status.COMPLETED.encode()

    for request_id in ids:
        until(partial(is_completed, request_id), "end", pause_s=0.01)
    return len(jobs) / (time.perf_counter() - start), 1000 * (client.cpu_s() - used) / len(jobs)


@contextmanager
def bare_loop() -> Iterator[Callable[[int, str, bool], tuple[float, float]]]:
    """Of so many jobs, a format, and whether decoded inputs are kept: pictures/s and CPU ms a picture.

    The processes stay warm.
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
    """Processor time."""
    inputs, params = (
        (seed.base_jpeg(), seed.overlay_png()),
        SuperimposeParams(**seed.PARAMS, image_format=image_format),
    )
    used = time.process_time()
    for _ in range(jobs):
        superimpose(*inputs, params, cache=_decoded() if cached else None)
    return time.process_time() - used
