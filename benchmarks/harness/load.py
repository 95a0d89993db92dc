"""Two ways to load a contestant: everything at once, and at a steady pace."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness.clients import Service
from benchmarks.harness.processes import cpu_s
from benchmarks.harness.workloads import Job

PAUSE_S = 0.02
"""Between two polls for a picture that is not there yet, where a whole batch is waited for."""
POLL_S = 0.005
"""The same where it is measured how long one takes."""
PATIENCE_S = 120


class TooSlow(Exception):
    """A picture did not come."""


@dataclass(frozen=True)
class Batch:
    """When each picture was in hand, in seconds since the first submit, and the processor time of all."""

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


def batch(service: Service, jobs: Sequence[Job]) -> Batch:
    """Submit all, then follow each until its picture is fetched."""
    used, start = cpu_s(service.pids), time.perf_counter()
    submitted = deque(service.submit(job) for job in jobs)
    done_at = []
    while submitted:
        if service.picture_if_done(submitted[0]):
            submitted.popleft()
            done_at.append(time.perf_counter() - start)
        elif time.perf_counter() - start - (done_at[-1] if done_at else 0) > PATIENCE_S:
            raise TooSlow(f"no picture for {PATIENCE_S} s, {len(submitted)} of {len(jobs)} missing")
        else:
            time.sleep(PAUSE_S)
    return Batch(done_at, cpu_s(service.pids) - used)


def paced(service: Service, jobs: Sequence[Job], per_s: float) -> list[float]:
    """Ms from the moment a submit was due to its picture in hand, for submits at a steady pace."""
    start, took = time.perf_counter(), list[float]()
    due = deque((start + number / per_s, job) for number, job in enumerate(jobs))
    running: deque[tuple[str, float]] = deque()
    while due or running:
        while due and due[0][0] <= time.perf_counter():
            moment, job = due.popleft()
            running.append((service.submit(job), moment))
        for _ in range(len(running)):
            job_id, moment = running.popleft()
            if service.picture_if_done(job_id):
                took.append(1000 * (time.perf_counter() - moment))
            elif time.perf_counter() - moment > PATIENCE_S:
                raise TooSlow(f"no picture for {PATIENCE_S} s")
            else:
                running.append((job_id, moment))
        time.sleep(max(0.0, min(POLL_S, due[0][0] - time.perf_counter() if due else POLL_S)))
    return took
