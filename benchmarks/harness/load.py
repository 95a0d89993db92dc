"""Two ways to load a contestant: everything at once, and at a steady pace."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from benchmarks.harness.clients import Client
from benchmarks.harness.inputs import Job

T = TypeVar("T")

PAUSE_S = 0.02
"""Between two polls for a picture that is not there yet, where a whole batch is waited for."""
POLL_S = 0.005
"""The same where the latency of each is measured."""
THREADS = 64


class Batch(NamedTuple):
    """Pictures per second, from the first submit to the last picture, and processor time a job.

    `steady_per_s` leaves out the first tenth, in which a pipeline fills.
    """

    per_s: float
    steady_per_s: float
    cpu_ms: float


def batch(client: Client, jobs: Sequence[Job]) -> Batch:
    """Submit all, then follow each until its picture is fetched."""
    used, start, done_at = client.cpu_s(), time.perf_counter(), []
    for job_id in [client.submit(job) for job in jobs]:
        client.picture(job_id, PAUSE_S)
        done_at.append(time.perf_counter() - start)
    first = len(jobs) // 10
    steady_per_s = (len(jobs) - 1 - first) / (done_at[-1] - done_at[first])
    return Batch(len(jobs) / done_at[-1], steady_per_s, 1000 * (client.cpu_s() - used) / len(jobs))


def paced_ms(work: Callable[[T], object], items: Iterable[T], per_s: float) -> list[float]:
    """Latencies at a steady pace, whatever `work` takes: from when the work on each item was due."""

    def finish(item: T, due: float) -> float:
        work(item)
        return 1000 * (time.perf_counter() - due)

    with ThreadPoolExecutor(THREADS) as threads:
        start, latencies = time.perf_counter(), []
        for number, item in enumerate(items):
            due = start + number / per_s
            time.sleep(max(0.0, due - time.perf_counter()))
            latencies.append(threads.submit(finish, item, due))
        return [latency.result() for latency in latencies]
