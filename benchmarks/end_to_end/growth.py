"""Whether a job costs the same, and processes and Redis stay the same, as more is asked for."""

import time
from collections.abc import Callable
from contextlib import ExitStack

from redis import Redis

from benchmarks.end_to_end.results import Results
from benchmarks.harness.clients import Superimpose
from benchmarks.harness.processes import below, resident_mb, started
from benchmarks.harness.redis_server import RedisServer
from benchmarks.harness.service import WORKER, service
from benchmarks.no_op import cost_ms
from jobs import keyspace
from jobs.lifecycle.queue import RQ_TTL_S

BACKLOGS = (10, 1_000, 100_000)
BACKLOG_JOBS = 500
WAITING = 5_000
JOBS = 20_000
IN_FLIGHT = 200
SAMPLE_EVERY = 500
WORKERS = 2

Say = Callable[[str], None]


def cost_by_backlog(redis: RedisServer, results: Results, rounds: int, say: Say) -> None:
    """A job that does nothing while more and more wait; a database for each backlog."""
    redis.empty()
    for number in range(rounds):
        for database, waiting in enumerate(BACKLOGS, start=1):
            say(f"cost of a job with {waiting:,} waiting, round {number + 1} of {rounds}")
            cost = cost_ms("ours", f"{redis.url}?db={database}", BACKLOG_JOBS, waiting)
            results.add("backlog", round=number, waiting=waiting, **cost)


def memory(server: RedisServer, results: Results, say: Say) -> None:
    """Redis by request, and resident memory over many jobs with no child replaced."""
    server.empty()
    with (
        service(server, 0, "growth", child_max_jobs=10 * JOBS) as client,
        server.connect() as redis,
        ExitStack() as stack,
    ):
        empty = used(redis)
        say(f"memory: {WAITING:,} requests that wait")
        for _ in range(WAITING):
            client.submit_sample()
        results.add("redis_bytes", state="waiting", requests=WAITING, bytes=used(redis) - empty)
        workers = [stack.enter_context(started(WORKER, client.env, client.log)).pid for _ in range(WORKERS)]
        work_off(client, redis, workers, results, say)
        say(f"memory: {RQ_TTL_S + 10} s until RQ's own copies are gone")
        time.sleep(RQ_TTL_S + 10)
        results.add("redis_bytes", state="finished", requests=JOBS, bytes=used(redis) - empty)


def work_off(client: Superimpose, redis: Redis, workers: list[int], results: Results, say: Say) -> None:
    """Keep the workers busy until all jobs are done, and sample the processes meanwhile."""
    accepted, sampled = WAITING, 0
    while True:
        waiting = int(redis.zcard(keyspace.WAITING))
        done = accepted - waiting
        if done >= sampled + SAMPLE_EVERY:
            sampled = done
            children = below(workers)[len(workers) :]
            groups = {"api": client.pids, "workers": workers, "children": children}
            results.add("memory", jobs=done, **{name: resident_mb(pids) for name, pids in groups.items()})
            say(f"memory: {done:,} of {JOBS:,} jobs")
        if accepted >= JOBS and not waiting:
            return
        for _ in range(min(JOBS - accepted, max(0, IN_FLIGHT - waiting))):
            client.submit_sample()
            accepted += 1
        time.sleep(0.05)


def used(redis: Redis) -> int:
    """Bytes that Redis has allocated."""
    return int(redis.info("memory")["used_memory"])
