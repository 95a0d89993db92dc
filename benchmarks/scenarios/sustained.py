"""Minutes of PNG at full pace, on one disk with Redis: the slowest calls, those refused, the longest fsync.

The seed example to PNG. Each client submits a request, polls its status and fetches its picture, again and
again, while another asks /health. The pictures stay on disk until the end: some 30 GB after five minutes.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from benchmarks.harness.clients import Superimpose, UnexpectedAnswer
from benchmarks.harness.figures import percentile, table
from benchmarks.harness.inputs import SAME_FUNCTION, Job, draw, seed_file
from benchmarks.harness.servers import serving
from benchmarks.harness.service import service

PNG = SAME_FUNCTION[1]
POLL_S = 0.1
HEALTH_S = 0.25

A = TypeVar("A")
T = TypeVar("T")


class Calls:
    """What calls of each kind took; made by many threads, until a time."""

    def __init__(self, client: Superimpose, until: float) -> None:
        self._client = client
        self._until = until
        self.ms: defaultdict[str, list[float]] = defaultdict(list)
        self.refused = 0

    def make(self, job: Job) -> int:
        """One picture after another; how many."""
        pictures = 0
        while time.monotonic() < self._until:
            request_id = self._made("submit", self._client.submit, job)
            while not self._made("status", self._client.poll, request_id):
                time.sleep(POLL_S)
            self._made("picture", self._client.picture_if_done, request_id)
            pictures += 1
        return pictures

    def ask_health(self) -> None:
        while time.monotonic() < self._until:
            self._made("health", self._client.get, "/health")
            time.sleep(HEALTH_S)

    def _made(self, kind: str, call: Callable[[A], T], argument: A) -> T:
        """What the call returns, made again after each 5xx."""
        while True:
            start = time.perf_counter()
            try:
                return call(argument)
            except UnexpectedAnswer as answer:
                if not str(answer).startswith("5"):
                    raise
                self.refused += 1
            finally:
                self.ms[kind].append(1000 * (time.perf_counter() - start))


def main(seconds: int = 300, workers: int = 3, clients: int = 12) -> None:
    with (
        serving(seed_file) as origin,
        service(workers) as client,
        ThreadPoolExecutor(clients + 1) as threads,
    ):
        client.redis.config_set("latency-monitor-threshold", 1)  # ms
        [job] = draw(PNG, origin, 1)
        start = time.monotonic()
        calls = Calls(client, start + seconds)
        health = threads.submit(calls.ask_health)
        pictures = sum(threads.map(calls.make, [job] * clients))
        per_s = pictures / (time.monotonic() - start)
        health.result()
        latest = client.redis.latency_latest()
        fsync_ms = max((int(ms) for name, _, _, ms, *_ in latest if b"fsync" in name), default=0)
    rows = []
    for kind, ms in calls.ms.items():
        figures = percentile(ms, 50), percentile(ms, 99), max(ms)
        rows.append([kind, f"{len(ms):,}", *(f"{each:.0f}" for each in figures)])
    print(table(("call", "calls", "p50, ms", "p99, ms", "longest, ms"), rows))
    print(f"{pictures:,} pictures, {per_s:.1f} a second; {calls.refused} calls answered 5xx")
    print(f"longest fsync of Redis: {fsync_ms} ms")
