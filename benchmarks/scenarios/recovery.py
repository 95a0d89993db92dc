"""How soon a request is claimed again after the process that worked on it was killed.

A job waits for a picture that does not come; its child, its worker with the child, or a whole host of workers
is killed with SIGKILL, and the time runs until another worker has claimed the job. The host is a namespace of
processes of its own, so that no process outside can see that its processes are gone: its lease has to
expire. A supervisor starts again what was killed, but for the host.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from statistics import median

import psutil
from redis import Redis

from benchmarks.harness import parser
from benchmarks.harness.clients import Superimpose
from benchmarks.harness.figures import interleaved, table
from benchmarks.harness.inputs import DIFFERENT_JPEG, draw, inputs
from benchmarks.harness.processes import below, started
from benchmarks.harness.service import redis_server, service
from jobs import keyspace

PATIENCE_S = 60
HANGS_MS = 300_000
SUPERVISED = (sys.executable, "-m", "cli", "worker", "--workers", "1")
HOST = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *SUPERVISED)


def main(arguments: Sequence[str]) -> None:
    options = parser("recovery", __doc__, rounds=5).parse_args(arguments)
    kills = {"its child": kill_child, "its worker": kill_worker}
    if shutil.which("unshare") and os.geteuid() == 0:
        kills["its host"] = kill_host
    else:
        print("its host: not measured, that needs root and unshare(1)")
    with (
        redis_server() as server,
        inputs() as origin,
        service(server, workers=0, fetch_timeout_s=40) as client,
        server.connect() as redis,
    ):
        contestants = {name: partial(recovery_s, client, redis, origin, kill) for name, kill in kills.items()}
        seconds = interleaved(contestants, options.rounds)
    rows = [[name, f"{median(each):.2f}", f"{max(each):.2f}"] for name, each in seconds.items()]
    print(table(("killed with SIGKILL", "median, s", "longest, s"), rows))


def recovery_s(client: Superimpose, redis: Redis, origin: str, kill: Callable[[int], None]) -> float:
    """From the kill to the next attempt, by a second worker where the first one's host is gone."""
    host = kill is kill_host
    with ExitStack() as stack:
        victim = stack.enter_context(started(HOST if host else SUPERVISED, client.env, client.log))
        [job] = draw(DIFFERENT_JPEG, origin, 1, HANGS_MS)
        request_id = client.submit(job)
        await_attempt(redis, request_id, 1)
        if host:
            stack.enter_context(started(SUPERVISED, client.env, client.log))
        time.sleep(3 if host else 0.5)  # the second worker is ready; the child fetches
        begun = time.monotonic()
        kill(victim.pid)
        await_attempt(redis, request_id, 2)
        seconds = time.monotonic() - begun
        client.post(f"/v2/requests/{request_id}/cancel", {})
    return seconds


def await_attempt(redis: Redis, request_id: str, number: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while int(redis.hget(keyspace.request(request_id), "attempts") or 0) < number:
        if time.monotonic() > deadline:
            raise TimeoutError(f"attempt {number} did not begin within {PATIENCE_S} s")
        time.sleep(0.002)


def worker_of(supervisor: int) -> psutil.Process:
    """The worker process below a supervisor, and not its child."""
    return next(each for each in below([supervisor])[1:] if each.cmdline()[-1] == "worker")


def kill_child(supervisor: int) -> None:
    below([worker_of(supervisor).pid])[-1].kill()


def kill_worker(supervisor: int) -> None:
    worker_of(supervisor).kill()


def kill_host(supervisor: int) -> None:
    for process in below([supervisor])[1:]:
        with suppress(psutil.NoSuchProcess):  # the first of a namespace takes the others with it
            process.kill()
