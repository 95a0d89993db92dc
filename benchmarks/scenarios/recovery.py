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
from contextlib import ExitStack, suppress
from functools import partial
from statistics import median

import psutil
from redis import Redis

from benchmarks.harness.clients import Superimpose
from benchmarks.harness.figures import interleaved, table
from benchmarks.harness.inputs import DIFFERENT_JPEG, draw, seed_file
from benchmarks.harness.processes import below, started, until
from benchmarks.harness.servers import serving
from benchmarks.harness.service import service
from jobs import keyspace

HANGS_MS = 300_000
SUPERVISED = (sys.executable, "-m", "cli", "worker", "--workers", "1")
IN_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
CHILD, WORKER, HOST = "its child", "its worker", "its host"


def main(rounds: int = 5) -> None:
    victims = [CHILD, WORKER]
    if shutil.which("unshare") and os.geteuid() == 0:
        victims.append(HOST)
    else:
        print(f"{HOST}: not measured, that needs root and unshare(1)")
    with serving(seed_file) as origin, service(workers=0, fetch_timeout_s=40) as client:
        contestants = {victim: partial(recovery_s, client, origin, victim) for victim in victims}
        seconds = interleaved(contestants, rounds)
    rows = [[name, f"{median(each):.2f}", f"{max(each):.2f}"] for name, each in seconds.items()]
    print(table(("killed with SIGKILL", "median, s", "longest, s"), rows))


def recovery_s(client: Superimpose, origin: str, victim: str) -> float:
    """From the kill to the next attempt, by a second worker where the first one's host is gone."""
    with ExitStack() as stack:
        command = (*IN_NAMESPACE, *SUPERVISED) if victim == HOST else SUPERVISED
        supervisor = stack.enter_context(started(command, client.env, client.log))
        [job] = draw(DIFFERENT_JPEG, origin, 1, HANGS_MS)
        request_id = client.submit(job)
        await_attempt(client.redis, request_id, 1)
        if victim == HOST:
            stack.enter_context(started(SUPERVISED, client.env, client.log))
        time.sleep(3 if victim == HOST else 0.5)  # the second worker is ready; the child fetches
        begun = time.monotonic()
        kill(victim, supervisor.pid)
        await_attempt(client.redis, request_id, 2)
        seconds = time.monotonic() - begun
        client.post(f"/v2/requests/{request_id}/cancel", {})
    return seconds


def await_attempt(redis: Redis, request_id: str, number: int) -> None:
    record = keyspace.request(request_id)
    until(lambda: int(redis.hget(record, "attempts") or 0) >= number, f"attempt {number}", pause_s=0.002)


def kill(victim: str, supervisor: int) -> None:
    host = below([supervisor])[1:]
    worker = next(each for each in host if each.cmdline()[-1] == "worker")
    for process in {CHILD: below([worker.pid])[-1:], WORKER: [worker], HOST: host}[victim]:
        with suppress(psutil.NoSuchProcess):  # the first of a namespace takes the others with it
            process.kill()
