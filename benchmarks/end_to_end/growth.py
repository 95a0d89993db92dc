"""Whether a job costs the same, and processes and Redis stay the same, as more is asked for."""

import time
from contextlib import ExitStack

from redis import Redis

from benchmarks.end_to_end.results import Run
from benchmarks.harness.clients import Superimpose
from benchmarks.harness.processes import below, in_own_process, resident_mb, started
from benchmarks.harness.service import WORKER, service
from benchmarks.scenarios.worker import cost_ms
from jobs import keyspace
from jobs.lifecycle.queue import RQ_TTL_S

BACKLOGS = (10, 1_000, 100_000)
BACKLOG_JOBS = 500
WAITING = 5_000
JOBS = 20_000
IN_FLIGHT = 200
SAMPLE_EVERY = 500
WORKERS = 2


def measure(run: Run) -> None:
    cost_by_backlog(run)
    memory(run)


def cost_by_backlog(run: Run) -> None:
    """A job that does nothing while more and more wait; a database for each backlog."""
    run.redis.empty()
    for number in range(run.rounds):
        for database, waiting in enumerate(BACKLOGS, start=1):
            run.say(f"cost of a job with {waiting:,} waiting, round {number + 1} of {run.rounds}")
            cost = in_own_process(cost_ms, "ours", f"{run.redis.url}?db={database}", BACKLOG_JOBS, waiting)
            run.results.add("backlog", round=number, waiting=waiting, **cost)


def memory(run: Run) -> None:
    """Redis by request, and resident memory over many jobs with no child replaced."""
    run.redis.empty()
    results, say = run.results, run.say
    with (
        service(run.redis, 0, "growth", child_max_jobs=10 * JOBS) as client,
        run.redis.connect() as redis,
        ExitStack() as stack,
    ):
        empty = used(redis)
        say(f"memory: {WAITING:,} requests that wait")
        for _ in range(WAITING):
            client.submit_sample()
        results.add("redis_bytes", state="waiting", requests=WAITING, bytes=used(redis) - empty)
        workers = [stack.enter_context(started(WORKER, client.env, client.log)).pid for _ in range(WORKERS)]
        work_off(run, client, redis, workers)
        say(f"memory: {RQ_TTL_S + 10} s until RQ's own copies are gone")
        time.sleep(RQ_TTL_S + 10)
        results.add("redis_bytes", state="finished", requests=JOBS, bytes=used(redis) - empty)


def work_off(run: Run, client: Superimpose, redis: Redis, workers: list[int]) -> None:
    """Keep the workers busy until all jobs are done, and sample the processes meanwhile."""
    accepted, sampled = WAITING, 0
    while True:
        waiting = int(redis.zcard(keyspace.WAITING))
        done = accepted - waiting
        if done >= sampled + SAMPLE_EVERY:
            sampled, processes = done, below(workers)
            children = resident_mb(each for each in processes if each.pid not in workers)
            parents = resident_mb(each for each in processes if each.pid in workers)
            api = resident_mb(below(client.pids))
            run.results.add("memory", jobs=done, api=api, workers=parents, children=children)
            run.say(f"memory: {done:,} of {JOBS:,} jobs")
        if accepted >= JOBS and not waiting:
            return
        for _ in range(min(JOBS - accepted, max(0, IN_FLIGHT - waiting))):
            client.submit_sample()
            accepted += 1
        time.sleep(0.05)


def used(redis: Redis) -> int:
    """Bytes that Redis has allocated."""
    return int(redis.info("memory")["used_memory"])
