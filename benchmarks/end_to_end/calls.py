"""The figures of the running service by itself: status calls, response times under load, slow origins."""

import asyncio
from random import Random

import uvloop

from benchmarks.end_to_end.contestants import SHIPPED, peer_environment, uvicorn
from benchmarks.end_to_end.results import Run
from benchmarks.harness.clients import Peer, Superimpose
from benchmarks.harness.crowd import answers_per_s
from benchmarks.harness.inputs import DIFFERENT_JPEG, draw
from benchmarks.harness.load import batch, paced_ms
from benchmarks.harness.processes import apart, cpu_s
from benchmarks.harness.service import KEY, RedisServer, running

DELAY_MS = 250
STATUS_S = 3.0
STATUS_PER_S = 50
SATURATED_S = 4
SUBMITS = 200


def measure(run: Run) -> None:
    with SHIPPED.running(run.redis) as client:
        batch(client, draw(DIFFERENT_JPEG, run.origin, 20))
        status_rate(run, client)
        for number in range(min(run.rounds, 3)):
            run.say(f"response times, round {number + 1}")
            response_times(run, client, number)
            run.say(f"inputs with {DELAY_MS} ms of latency, round {number + 1}")
            rates = {
                name: batch(client, draw(DIFFERENT_JPEG, run.origin, 2 * run.jobs, delay)).steady_per_s
                for name, delay in (("at_once", 0), ("delayed", DELAY_MS))
            }
            run.results.add("slow_origin", round=number, **rates)


def response_times(run: Run, client: Superimpose, number: int) -> None:
    """Submits at half the rate that saturates the workers; status while they are saturated."""
    saturated = batch(client, draw(DIFFERENT_JPEG, run.origin, run.jobs)).per_s
    submit_ms = paced_ms(client.submit, draw(DIFFERENT_JPEG, run.origin, SUBMITS), saturated / 2)
    fill = draw(DIFFERENT_JPEG, run.origin, round(saturated * (SATURATED_S + 2)))
    waiting, draws = [client.submit(job) for job in fill], Random(7)
    polled = [draws.choice(waiting) for _ in range(SATURATED_S * STATUS_PER_S)]
    run.results.add(
        "response_times",
        round=number,
        saturated_per_s=saturated,
        submit_ms=submit_ms,
        status_ms=paced_ms(client.poll, polled, STATUS_PER_S),
        saturated_to_the_end=not client.poll(waiting[-1]),
    )
    client.await_end(waiting[-1], pause_s=0.02)


def status_rate(run: Run, client: Superimpose) -> None:
    """Status of a finished request, against a bare route that does one GET."""
    redis, request_id = run.redis, client.submit(draw(DIFFERENT_JPEG, run.origin, 1)[0])
    client.await_end(request_id, pause_s=0.02)
    path = f"/v2/requests/{request_id}/status"
    with redis.connect() as connection:
        connection.set("bare", client.get(path))
    env = peer_environment(redis, "bare-status")
    with running([uvicorn("bare_status")], env, redis.folder / "bare-status.log", Peer) as bare:
        for number in range(1 + run.rounds):
            run.say(f"status calls, round {number} of {run.rounds}")
            ours = flooded(client.pids[0], redis, client.port, path)
            plain = flooded(bare.pids[0], redis, bare.port, "/jobs/bare")
            if number:  # the first one warms
                run.results.add("status", round=number, ours=ours[0], bare=plain[0], busy=[ours[1], plain[1]])


def flooded(pid: int, redis: RedisServer, port: int, path: str) -> tuple[float, float]:
    """Calls a second, and how much of its core the server used."""
    with apart(pid, redis.pid), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        used = cpu_s([pid])
        per_s = runner.run(answers_per_s(port, path, KEY, STATUS_S))
        return per_s, (cpu_s([pid]) - used) / STATUS_S
