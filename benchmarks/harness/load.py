"""Two ways to load a contestant: everything at once, and at a steady pace."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness.clients import Client
from benchmarks.harness.workloads import Job

PAUSE_S = 0.02
"""Between two polls for a picture that is not there yet, where a whole batch is waited for."""
POLL_S = 0.005
"""The same where the latency of each is measured."""
PATIENCE_S = 120


class TooSlow(Exception):
    """A picture did not come."""


@dataclass(frozen=True)
class Batch:
    """When each picture was fetched, in seconds since the first submit, and the processor time of all."""

    done_at: Sequence[float]
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Pictures per second, from the first submit to the last picture."""
        return len(self.done_at) / self.done_at[-1]

    @property
    def steady_per_s(self) -> float:
        """The same without the first tenth, in which a pipeline fills."""
        first = len(self.done_at) // 10
        return (len(self.done_at) - 1 - first) / (self.done_at[-1] - self.done_at[first])

    @property
    def cpu_ms(self) -> float:
        """Processor time a job."""
        return 1000 * self.cpu_s / len(self.done_at)


def batch(client: Client, jobs: Sequence[Job]) -> Batch:
    """Submit all, then follow each until its picture is fetched."""
    used, start = client.cpu_s(), time.perf_counter()
    submitted = deque(client.submit(job) for job in jobs)
    done_at: list[float] = []
    while submitted:
        if client.picture_if_done(submitted[0]):
            submitted.popleft()
            done_at.append(time.perf_counter() - start)
        elif time.perf_counter() - start - (done_at[-1] if done_at else 0) > PATIENCE_S:
            raise TooSlow(f"no picture for {PATIENCE_S} s, {len(submitted)} of {len(jobs)} missing")
        else:
            time.sleep(PAUSE_S)
    return Batch(done_at, client.cpu_s() - used)


def paced_ms(client: Client, jobs: Sequence[Job], per_s: float) -> list[float]:
    """Latencies at a steady pace, from when a submit was due until its picture is fetched."""
    start, latencies = time.perf_counter(), list[float]()
    coming = deque((start + number / per_s, job) for number, job in enumerate(jobs))
    running: deque[tuple[str, float]] = deque()
    while coming or running:
        while coming and coming[0][0] <= time.perf_counter():
            due, job = coming.popleft()
            running.append((client.submit(job), due))
        for _ in range(len(running)):
            job_id, due = running.popleft()
            if client.picture_if_done(job_id):
                latencies.append(1000 * (time.perf_counter() - due))
            elif time.perf_counter() - due > PATIENCE_S:
                raise TooSlow(f"no picture for {PATIENCE_S} s")
            else:
                running.append((job_id, due))
        time.sleep(max(0.0, min(POLL_S, coming[0][0] - time.perf_counter() if coming else POLL_S)))
    return latencies
