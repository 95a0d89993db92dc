"""Whether a job costs the same, and processes and Redis stay the same, as more is asked for."""

import json
import subprocess
import sys
import time
from collections.abc import Callable

from redis import Redis

from benchmarks.end_to_end.contestants import OPEN, ROOT, WORKERS, log
from benchmarks.end_to_end.results import Results
from benchmarks.harness.clients import Superimpose
from benchmarks.harness.redis_server import Backing
from benchmarks.scenarios.service import parents, smaps_mb
from jobs import keyspace
from jobs.lifecycle.queue import RQ_TTL_S
from tests.stack import KEY, Stack, environment, running

BACKLOGS = (10, 1_000, 100_000)
BACKLOG_JOBS = 500
WAITING = 5_000
JOBS = 20_000
IN_FLIGHT = 200
SAMPLE_EVERY = 500
SMALL = {"rescale_factor": 0.33, "x_offset": 430, "y_offset": 235}

Say = Callable[[str], None]


def measure(backing: Backing, results: Results, rounds: int, say: Say) -> None:
    """Both."""
    cost_by_backlog(backing, results, rounds, say)
    memory(backing, results, JOBS, say)


def cost_by_backlog(backing: Backing, results: Results, rounds: int, say: Say) -> None:
    """A job that does nothing while more and more wait; a database for each backlog."""
    backing.empty()
    for number in range(rounds):
        for database, waiting in enumerate(BACKLOGS, start=1):
            say(f"cost of a job with {waiting:,} waiting, round {number + 1} of {rounds}")
            command = [sys.executable, "-m", "benchmarks.end_to_end.backlog"]
            options = ["--redis", f"{backing.url}?db={database}", "--waiting", str(waiting)]
            told = subprocess.run(
                [*command, *options, "--jobs", str(BACKLOG_JOBS)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            results.add("backlog", round=number, waiting=waiting, **json.loads(told))


def memory(backing: Backing, results: Results, jobs: int, say: Say) -> None:
    """Redis by request, and resident memory over many jobs with no child replaced."""
    backing.empty()
    settings = {**OPEN, "child_max_jobs": 10 * JOBS}
    env = environment(backing.url, backing.folder / "growth", **settings)
    with (
        log(backing, "growth").open("wb") as output,
        running(env, workers=0, log=output) as stack,
        backing.connect() as redis,
    ):
        service = Superimpose(stack.url, [stack.processes[0].pid], {"x-api-key": KEY})
        empty = used(redis)
        waiting = min(WAITING, jobs // 2)
        say(f"memory: {waiting:,} requests that wait")
        submitted = [submit(service) for _ in range(waiting)]
        results.add("redis_bytes", state="waiting", requests=waiting, bytes=used(redis) - empty)
        for _ in range(WORKERS):
            stack.start("worker")
        work_off(stack, service, redis, results, submitted, jobs, say)
        say(f"memory: {RQ_TTL_S + 10} s until RQ's own copies are gone")
        time.sleep(RQ_TTL_S + 10)
        results.add("redis_bytes", state="finished", requests=jobs, bytes=used(redis) - empty)
        service.close()


def work_off(
    stack: Stack,
    service: Superimpose,
    redis: Redis,
    results: Results,
    submitted: list[str],
    jobs: int,
    say: Say,
) -> None:
    """Keep the workers busy until so many are done, and look at the processes as it goes."""
    accepted, sampled = len(submitted), 0
    while True:
        waiting = int(redis.zcard(keyspace.WAITING))  # type: ignore[arg-type]
        done = accepted - waiting
        if done >= sampled + SAMPLE_EVERY:
            sampled = done
            results.add("memory", jobs=done, **resident(stack))
            say(f"memory: {done:,} of {jobs:,} jobs")
        if accepted >= jobs and not waiting:
            return
        for _ in range(min(jobs - accepted, max(0, IN_FLIGHT - waiting))):
            submit(service)
            accepted += 1
        time.sleep(0.05)


def submit(service: Superimpose) -> str:
    """A small request, as the README's."""
    samples = f"{service.url}/samples"
    body = {"base_image": f"{samples}/cup.jpg", "overlay_image": f"{samples}/logo.png", **SMALL}
    return str(json.loads(service.post("/v2/superimpose", body))["request_id"])


def resident(stack: Stack) -> dict[str, float]:
    """MB of the API, of all workers and of all their children."""
    api, *workers = (process.pid for process in stack.processes)
    children = [pid for pid, parent in parents() if parent in workers]
    return {
        "api": smaps_mb(api, "Rss"),
        "workers": sum(smaps_mb(pid, "Rss") for pid in workers),
        "children": sum(smaps_mb(pid, "Rss") for pid in children),
    }


def used(redis: Redis) -> int:
    """Bytes that Redis has allocated."""
    return int(redis.info("memory")["used_memory"])
