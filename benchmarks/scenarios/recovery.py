"""How soon a request is claimed again after its child, its worker or their host is killed.

A job waits for a picture that never arrives. Its child, its worker with the child, or a whole host is killed
with SIGKILL, and the time runs until another worker claims the job. The host is simulated by a PID namespace,
so that no process outside can see that its processes are dead, and the lease has to expire. A supervisor
restarts what was killed, except the host.
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

from benchmarks.harness.clients import DIFFERENT_JPEG, Superimpose, new_jobs, seed_file
from benchmarks.harness.figures import interleaved, table
from benchmarks.harness.processes import process_tree, started, wait_for
from benchmarks.harness.servers import file_server
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
        print(f"{HOST}: not measured, as it needs root and unshare(1)")
    with file_server(seed_file) as origin, service(workers=0, fetch_timeout_s=40) as client:
        contestants = {victim: partial(recovery_s, client, origin, victim) for victim in victims}
        seconds = interleaved(contestants, rounds)
    rows = [[name, f"{median(each):.2f}", f"{max(each):.2f}"] for name, each in seconds.items()]
    print(table(("killed with SIGKILL", "median, s", "longest, s"), rows))


def recovery_s(client: Superimpose, origin: str, victim: str) -> float:
    """Time from the kill to the next attempt, which another worker makes if the host was killed."""
    with ExitStack() as stack:
        command = (*IN_NAMESPACE, *SUPERVISED) if victim == HOST else SUPERVISED
        supervisor = stack.enter_context(started(command, client.env, client.log))
        [job] = new_jobs(DIFFERENT_JPEG, origin, 1, HANGS_MS)
        request_id = client.submit(job)
        await_attempt(client.redis, request_id, 1)
        if victim == HOST:
            stack.enter_context(started(SUPERVISED, client.env, client.log))
        time.sleep(3 if victim == HOST else 0.5)  # until the second worker is ready, or the child fetches
        start = time.monotonic()
        kill(victim, supervisor.pid)
        await_attempt(client.redis, request_id, 2)
        seconds = time.monotonic() - start
        client.post(f"/v2/requests/{request_id}/cancel", {})
    return seconds


def await_attempt(redis: Redis, request_id: str, number: int) -> None:
    record = keyspace.request(request_id)
    wait_for(lambda: int(redis.hget(record, "attempts") or 0) >= number, f"attempt {number}", pause_s=0.002)


def kill(victim: str, supervisor: int) -> None:
    host = process_tree([supervisor])[1:]
    worker = next(each for each in host if each.cmdline()[-1] == "worker")
    for process in {CHILD: process_tree([worker.pid])[-1:], WORKER: [worker], HOST: host}[victim]:
        with suppress(psutil.NoSuchProcess):  # the kernel kills the namespace with its first process
            process.kill()
