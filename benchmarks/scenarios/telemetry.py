"""What metrics cost: CPU time of the API and the workers with them and without, round by round in turn.

Two services run side by side, each on a Redis of its own, as `superimpose up` starts them: one with the
settings under `--on`, one without. A request is a submit, ten polls and a job. Redis and the client, which
scrapes the one with metrics after each round, are not counted. Then /metrics is timed, on another service
with as many requests that have ended as `--finished` says.

    python -m benchmarks.scenarios.telemetry [--rounds 12] [--on metrics=true]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from uuid import uuid4

from benchmarks.scenarios.service import SMALL, Client, parents
from cli.serve.redis_server import await_ready, server_command
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.output import Output
from jobs.lifecycle.transitions import Transitions
from jobs.redis.connection import connect
from tests.stack import await_http, environment, free_port

POLLS = 10
POLLS_ALONE = 2000  # a round
SCRAPES = 50
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Service:
    """A running service, and how to ask it."""

    url: str
    pid: int

    def connect(self) -> Client:
        """A connection; one that idles through the other's round is closed."""
        return Client(self.url)

    def cpu_s(self) -> float:
        """What its processes have used so far."""
        below = {self.pid}
        pairs = list(parents())
        while more := {pid for pid, parent in pairs if parent in below} - below:
            below |= more
        return sum(map(_cpu_s, below))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def service(settings: Mapping[str, str], finished: int = 0) -> Iterator[Service]:
    """The service with these settings, on a Redis of its own with so many requests that have ended."""
    with tempfile.TemporaryDirectory() as name:
        directory, port = Path(name), free_port()
        redis = subprocess.Popen(server_command(directory, directory / "redis.sock"))
        await_ready(directory / "redis.sock", lambda: redis.poll() is not None)
        redis_url, url = f"unix://{directory}/redis.sock", f"http://127.0.0.1:{port}"
        finish(redis_url, finished)
        up = subprocess.Popen(
            [sys.executable, "-m", "cli", "up", "--port", str(port), "--workers", "2"],
            env=environment(redis_url, directory, **settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await_http(f"{url}/livez", up)
            yield Service(url, up.pid)
        finally:
            for process in (up, redis):
                process.terminate()
                process.wait()


def request_ms(on: Service, requests: int) -> float:
    """CPU time of a request."""
    client = on.connect()
    body = {name: f"{on.url}/samples/{file}" for name, file in SMALL.items()}
    before = on.cpu_s()
    for _ in range(requests):
        request_id = client.submit(body)
        for _ in range(POLLS):
            client.call("GET", f"/v2/requests/{request_id}/status")
        client.finish(request_id, pause_s=0.01)
    return 1000 * (on.cpu_s() - before) / requests


def poll_us(on: Service) -> float:
    """CPU time of a poll."""
    client = on.connect()
    body = {name: f"{on.url}/samples/{file}" for name, file in SMALL.items()}
    request_id = client.submit(body)
    client.finish(request_id, pause_s=0.01)
    before = on.cpu_s()
    for _ in range(POLLS_ALONE):
        client.call("GET", f"/v2/requests/{request_id}/status")
    return 1e6 * (on.cpu_s() - before) / POLLS_ALONE


def finish(redis_url: str, requests: int) -> None:
    """Bring so many requests to their end."""
    settings = Settings(redis_url=redis_url)
    redis = connect(settings)
    transitions, key = Transitions(redis, settings), ApiKeys(redis).create("many")[0].key_id
    holder = LeaseOwner("a-worker", "a-machine", "1 1")
    output = Output("token", "outputs/20300101T0000/token", "image/png", 10, 4, 3)
    params = dict.fromkeys(SMALL, "https://shop.example/a.jpg")
    for _ in range(requests):
        request_id = transitions.create(str(uuid4()), key, params).request_id
        transitions.complete(request_id, transitions.claim(request_id, holder).attempt, output, {})


def scrape_ms(service: Service, times: int) -> list[float]:
    """How long /metrics takes, several times."""
    client, took = service.connect(), []
    for _ in range(times):
        start = time.perf_counter()
        client.call("GET", "/metrics")
        took.append(1000 * (time.perf_counter() - start))
    return took


def compared(name: str, unit: str, pairs: list[tuple[float, float]]) -> str:
    """Medians of both, and of their ratio."""
    off, on = (median(each) for each in zip(*pairs, strict=True))
    ratio = median(with_it / without for without, with_it in pairs)
    return f"{name}: off {off:.2f} {unit}, on {on:.2f} {unit}, on / off {ratio:.3f}"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--finished", type=int, default=20_000)
    parser.add_argument("--on", action="append", metavar="SETTING=VALUE", default=[])
    asked = parser.parse_args()
    settings = dict(pair.split("=", 1) for pair in asked.on or ["metrics=true"])
    with service({}) as off, service(settings) as on:
        for each in (off, on):
            request_ms(each, 20)
        requests, polls = [], []
        for number in range(asked.rounds):
            first, second = (off, on) if number % 2 else (on, off)
            used = {id(each): (request_ms(each, asked.requests), poll_us(each)) for each in (first, second)}
            requests.append((used[id(off)][0], used[id(on)][0]))
            polls.append((used[id(off)][1], used[id(on)][1]))
            if "metrics" in settings:
                scrape_ms(on, times=1)
        print(compared(f"a request with {POLLS} polls", "ms", requests))
        print(compared("a poll", "us", polls))
    if "metrics" in settings and asked.finished:
        with service(settings, asked.finished) as full:
            request_ms(full, 20)
            took = scrape_ms(full, SCRAPES)
        print(
            f"/metrics with {asked.finished:,} finished requests: "
            f"median {median(took):.1f} ms, longest {max(took):.1f} ms"
        )


if __name__ == "__main__":
    main()
