"""Minutes of PNG at full pace, on one disk with Redis: the slowest calls, those refused, the longest fsync.

The seed example to PNG. Each client submits a request, polls its status and fetches its picture, again and
again, while another asks /health. The pictures stay on disk until the end: some 30 GB after five minutes.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from benchmarks.harness import parser
from benchmarks.harness.clients import Superimpose, UnexpectedAnswer
from benchmarks.harness.figures import percentile, table
from benchmarks.harness.inputs import SAME_FUNCTION, Job, draw, inputs
from benchmarks.harness.service import redis_server, service

PNG = SAME_FUNCTION[1]
POLL_S = 0.1
HEALTH_S = 0.25

A = TypeVar("A")
T = TypeVar("T")


class Calls:
    """What calls of each kind took; made by many threads."""

    def __init__(self) -> None:
        self.ms: defaultdict[str, list[float]] = defaultdict(list)
        self.refused: list[str] = []

    def made(self, kind: str, call: Callable[[A], T], argument: A) -> T:
        """What the call returns, made again after each 5xx."""
        while True:
            start = time.perf_counter()
            try:
                return call(argument)
            except UnexpectedAnswer as answer:
                if not str(answer).startswith("5"):
                    raise
                self.refused.append(kind)
            finally:
                self.ms[kind].append(1000 * (time.perf_counter() - start))


def main(arguments: Sequence[str]) -> None:
    options = parser("sustained", __doc__, seconds=300, workers=3, clients=12).parse_args(arguments)
    calls = Calls()
    with (
        redis_server() as server,
        server.connect() as redis,
        inputs() as origin,
        service(server, options.workers) as client,
        ThreadPoolExecutor(options.clients + 1) as threads,
    ):
        redis.config_set("latency-monitor-threshold", 1)  # ms
        [job] = draw(PNG, origin, 1)
        start = time.monotonic()
        health = threads.submit(ask_health, client, calls, start + options.seconds)
        clients = [
            threads.submit(make, client, calls, job, start + options.seconds) for _ in range(options.clients)
        ]
        pictures = sum(each.result() for each in clients)
        per_s = pictures / (time.monotonic() - start)
        health.result()
        fsync_ms = max(
            (int(ms) for name, _, _, ms, *_ in redis.latency_latest() if b"fsync" in name), default=0
        )
    shown = [
        [kind, f"{len(ms):,}", *(f"{each:.0f}" for each in (percentile(ms, 50), percentile(ms, 99), max(ms)))]
        for kind, ms in calls.ms.items()
    ]
    print(table(("call", "calls", "p50, ms", "p99, ms", "longest, ms"), shown))
    print(f"{pictures:,} pictures, {per_s:.1f} a second; {len(calls.refused)} calls answered 5xx")
    print(f"longest fsync of Redis: {fsync_ms} ms")


def make(client: Superimpose, calls: Calls, job: Job, until: float) -> int:
    """One picture after another; how many."""
    pictures = 0
    while time.monotonic() < until:
        request_id = calls.made("submit", client.submit, job)
        while not calls.made("status", client.poll, request_id):
            time.sleep(POLL_S)
        calls.made("picture", client.picture_if_done, request_id)
        pictures += 1
    return pictures


def ask_health(client: Superimpose, calls: Calls, until: float) -> None:
    while time.monotonic() < until:
        calls.made("health", client.get, "/health")
        time.sleep(HEALTH_S)
