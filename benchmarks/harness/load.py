"""Two ways to load a contestant: submit all and follow it, and fill the queue first, then drain it."""

import time
from collections.abc import Container, Sequence
from typing import NamedTuple

from redis import Redis

from benchmarks.harness.clients import Client, JobFailed, Superimpose
from benchmarks.harness.inputs import Job
from benchmarks.harness.processes import suspended
from jobs import keyspace
from jobs.lifecycle.status import Status

PAUSE_S = 0.02


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
    submitted = [(job, client.submit(job)) for job in jobs]
    counted = [job_id for job, job_id in submitted if job not in beside]
    for job_id in counted:
        client.picture(job_id, PAUSE_S)
        done_at.append(time.perf_counter() - start)
    cpu_ms = 1000 * (client.cpu_s() - used) / len(counted)
    for _, job_id in (each for each in submitted if each[0] in beside):
        client.picture(job_id, PAUSE_S)
    first = len(counted) // 10
    steady_per_s = (len(counted) - 1 - first) / (done_at[-1] - done_at[first])
    return Batch(len(counted) / done_at[-1], steady_per_s, cpu_ms)


def drained(client: Superimpose, redis: Redis, jobs: Sequence[Job]) -> tuple[float, float]:
    """Pictures a second and CPU ms a picture, workers standing still while the queue is filled."""
    with suspended(client.pids[1:]):
        ids = [client.submit(job) for job in jobs]
        used, start = client.cpu_s(), time.perf_counter()
    for request_id in ids:
        while (status := redis.hget(keyspace.request(request_id), "status")) != Status.COMPLETED.encode():
            if status == Status.FAILED.encode():
                raise JobFailed(request_id)
            time.sleep(PAUSE_S / 2)
    return len(jobs) / (time.perf_counter() - start), 1000 * (client.cpu_s() - used) / len(jobs)
