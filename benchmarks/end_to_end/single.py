"""The figures of the service by itself: queue tax, slow origins, status, response times under load."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from random import Random

from benchmarks.end_to_end.contestants import APPS, ROOT, SHIPPED, await_port, log, process
from benchmarks.end_to_end.flood import apart, requests_per_s
from benchmarks.end_to_end.open_loop import waits_ms
from benchmarks.end_to_end.results import Results
from benchmarks.harness.clients import Service
from benchmarks.harness.http import Connection
from benchmarks.harness.load import batch
from benchmarks.harness.processes import cpu_s
from benchmarks.harness.redis_server import Backing
from benchmarks.harness.workloads import DIFFERENT_JPEG, draw
from tests.stack import free_port

NO_OPS = {"ours": 1000, "simple": 500, "forking": 60}
"""Jobs a round; RQ's forking worker takes ten times as long as its simple one."""
DELAY_MS = 250
STATUS_S = 3.0
STATUS_PER_S = 50
SUBMITS = 200

Say = Callable[[str], None]


def queue_tax(backing: Backing, results: Results, rounds: int, say: Say) -> None:
    """A job that does nothing, ours against RQ's."""
    for number in range(rounds):
        for kind, jobs in NO_OPS.items():
            say(f"queue tax, round {number + 1} of {rounds}: {kind}")
            command = [sys.executable, "-m", "benchmarks.no_op", kind]
            options = ["--redis", backing.url, "--jobs", str(jobs)]
            told = subprocess.run(
                [*command, *options], cwd=ROOT, capture_output=True, text=True, check=True
            ).stdout
            results.add("queue_tax", round=number, kind=kind, **json.loads(told))


def slow_origin(service: Service, origin: str, results: Results, rounds: int, jobs: int, say: Say) -> None:
    """Throughput with inputs that come after a quarter of a second, against inputs that come at once."""
    for number in range(rounds):
        say(f"inputs with {DELAY_MS} ms of latency, round {number + 1} of {rounds}")
        rates = {
            name: batch(service, draw(DIFFERENT_JPEG, origin, jobs, delay)).steady_per_s
            for name, delay in (("at_once", 0), ("delayed", DELAY_MS))
        }
        results.add("slow_origin", round=number, **rates)


def response_times(service: Service, origin: str, results: Results, rounds: int, jobs: int, say: Say) -> None:
    """Submits at half the rate that saturates the workers; status while they are saturated."""
    draws = Random(7)

    def connect() -> Connection:
        return Connection(service.url, service.headers)

    for number in range(rounds):
        say(f"response times, round {number + 1} of {rounds}")
        saturated = batch(service, draw(DIFFERENT_JPEG, origin, jobs)).per_s
        bodies = [json.dumps(job.for_service()).encode() for job in draw(DIFFERENT_JPEG, origin, SUBMITS)]
        submits = waits_ms(connect, [("POST", "/v2/superimpose", body) for body in bodies], saturated / 2)
        seconds = 4
        waiting = [
            service.submit(job) for job in draw(DIFFERENT_JPEG, origin, round(saturated * (seconds + 2)))
        ]
        asked = [
            ("GET", f"/v2/requests/{draws.choice(waiting)}/status", b"")
            for _ in range(seconds * STATUS_PER_S)
        ]
        statuses = waits_ms(connect, asked, STATUS_PER_S)
        still = service.picture_if_done(waiting[-1]) is None
        results.add(
            "response_times",
            round=number,
            saturated_per_s=saturated,
            submit_ms=submits,
            status_ms=statuses,
            saturated_to_the_end=still,
        )
        while service.picture_if_done(waiting[-1]) is None:
            pass


def status_rate(
    service: Service, origin: str, backing: Backing, results: Results, rounds: int, say: Say
) -> None:
    """Status of a finished request, against a bare route that does one GET."""
    request_id = service.submit(draw(DIFFERENT_JPEG, origin, 1)[0])
    while service.picture_if_done(request_id) is None:
        pass
    path = f"/v2/requests/{request_id}/status"
    with backing.connect() as redis, ExitStack() as stack:
        redis.set("bare", service.get(path))
        port = free_port()
        env = os.environ | {
            "BENCH_REDIS_SOCKET": str(backing.socket),
            "BENCH_PICTURES": "",
            "PYTHONPATH": str(ROOT),
        }
        serving = f"-m uvicorn {APPS}.bare_status:app --port {port} --no-access-log --log-level warning"
        output = stack.enter_context(log(backing, "bare-status").open("wb"))
        bare = stack.enter_context(process([sys.executable, *serving.split()], env, output))
        await_port(port, [bare], log(backing, "bare-status"))
        for number in range(1 + rounds):
            say(f"status calls, round {number} of {rounds}")
            ours = flooded(service.pids[0], backing, service.url, path, service.headers)
            plain = flooded(bare.pid, backing, f"http://127.0.0.1:{port}", "/jobs/bare", {})
            if number:  # the first one warms
                results.add("status", round=number, ours=ours[0], bare=plain[0], busy=[ours[1], plain[1]])


def flooded(
    server: int, backing: Backing, url: str, path: str, headers: Mapping[str, str]
) -> tuple[float, float]:
    """Calls a second, and how much of its core the server used."""
    with apart(server, backing.pid):
        used = cpu_s([server])
        per_s = requests_per_s(url, path, headers, STATUS_S)
        return per_s, (cpu_s([server]) - used) / STATUS_S


def of_the_service(backing: Backing, origin: str, results: Results, rounds: int, jobs: int, say: Say) -> None:
    """All that needs the running service."""
    with SHIPPED.running(backing) as service:
        batch(service, draw(DIFFERENT_JPEG, origin, 20))
        status_rate(service, origin, backing, results, rounds, say)
        response_times(service, origin, results, min(rounds, 3), jobs, say)
        slow_origin(service, origin, results, min(rounds, 3), 2 * jobs, say)
