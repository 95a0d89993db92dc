"""The figures of the running service by itself: status calls, response times under load, slow origins."""

import json
import sys
from collections.abc import Callable, Mapping
from random import Random

from benchmarks.end_to_end.contestants import APPS, SHIPPED, peer_environment
from benchmarks.end_to_end.results import Results
from benchmarks.harness.clients import Superimpose
from benchmarks.harness.http import open_loop_ms, requests_per_s
from benchmarks.harness.load import batch
from benchmarks.harness.processes import apart, await_answer, cpu_s, free_port, started
from benchmarks.harness.redis_server import RedisServer
from benchmarks.harness.workloads import DIFFERENT_JPEG, draw

DELAY_MS = 250
STATUS_S = 3.0
STATUS_PER_S = 50
SATURATED_S = 4
SUBMITS = 200
WORKERS = 2

Say = Callable[[str], None]


def measure(redis: RedisServer, origin: str, results: Results, rounds: int, jobs: int, say: Say) -> None:
    with SHIPPED.running(redis, WORKERS) as client:
        batch(client, draw(DIFFERENT_JPEG, origin, 20))
        status_rate(client, origin, redis, results, rounds, say)
        for number in range(min(rounds, 3)):
            say(f"response times, round {number + 1}")
            response_times(client, origin, results, number, jobs)
            say(f"inputs with {DELAY_MS} ms of latency, round {number + 1}")
            rates = {
                name: batch(client, draw(DIFFERENT_JPEG, origin, 2 * jobs, delay)).steady_per_s
                for name, delay in (("at_once", 0), ("delayed", DELAY_MS))
            }
            results.add("slow_origin", round=number, **rates)


def response_times(client: Superimpose, origin: str, results: Results, number: int, jobs: int) -> None:
    """Submits at half the rate that saturates the workers; status while they are saturated."""
    saturated = batch(client, draw(DIFFERENT_JPEG, origin, jobs)).per_s
    bodies = [json.dumps(job.for_service()).encode() for job in draw(DIFFERENT_JPEG, origin, SUBMITS)]
    submits = open_loop_ms(
        client.connect, [("POST", "/v2/superimpose", body) for body in bodies], saturated / 2
    )
    fill = draw(DIFFERENT_JPEG, origin, round(saturated * (SATURATED_S + 2)))
    waiting, draws = [client.submit(job) for job in fill], Random(7)
    paths = [f"/v2/requests/{draws.choice(waiting)}/status" for _ in range(SATURATED_S * STATUS_PER_S)]
    results.add(
        "response_times",
        round=number,
        saturated_per_s=saturated,
        submit_ms=submits,
        status_ms=open_loop_ms(client.connect, [("GET", path, b"") for path in paths], STATUS_PER_S),
        saturated_to_the_end=not client.poll(waiting[-1]),
    )
    client.await_end(waiting[-1], pause_s=0.02)


def status_rate(
    client: Superimpose, origin: str, server: RedisServer, results: Results, rounds: int, say: Say
) -> None:
    """Status of a finished request, against a bare route that does one GET."""
    request_id = client.submit(draw(DIFFERENT_JPEG, origin, 1)[0])
    client.await_end(request_id, pause_s=0.02)
    path = f"/v2/requests/{request_id}/status"
    with server.connect() as redis:
        redis.set("bare", client.get(path))
    port, log = free_port(), server.folder / "bare-status.log"
    serving = f"-m uvicorn {APPS}.bare_status:app --port {port} --no-access-log --log-level warning"
    env = peer_environment(server, server.folder)
    with started([sys.executable, *serving.split()], env, log) as bare:
        await_answer(port, [bare], log)
        for number in range(1 + rounds):
            say(f"status calls, round {number} of {rounds}")
            ours = flooded(client.pids[0], server, client.url, path, client.headers)
            plain = flooded(bare.pid, server, f"http://127.0.0.1:{port}", "/jobs/bare", {})
            if number:  # the first one warms
                results.add("status", round=number, ours=ours[0], bare=plain[0], busy=[ours[1], plain[1]])


def flooded(
    pid: int, redis: RedisServer, url: str, path: str, headers: Mapping[str, str]
) -> tuple[float, float]:
    """Calls a second, and how much of its core the server used."""
    with apart(pid, redis.pid):
        used = cpu_s([pid])
        per_s = requests_per_s(url, path, headers, STATUS_S)
        return per_s, (cpu_s([pid]) - used) / STATUS_S
