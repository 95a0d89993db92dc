"""Minutes of PNG at full pace, on one disk with Redis: the slowest calls, 5xx responses, the longest fsync.

The seed example to PNG. Each client submits a request, polls it, fetches its picture and repeats, while
another client calls /health. Pictures stay on disk until the end: about 30 GB after five minutes.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from benchmarks.harness.clients import SAME_FUNCTION, Job, Superimpose, UnexpectedStatus, new_jobs, seed_file
from benchmarks.harness.figures import latencies, table
from benchmarks.harness.servers import file_server
from benchmarks.harness.service import service

PNG = SAME_FUNCTION[1]
POLL_S = 0.1
HEALTH_S = 0.25

A = TypeVar("A")
T = TypeVar("T")


class Calls:
    """Makes calls from many threads until `end`, and records their times by kind."""

    def __init__(self, client: Superimpose, end: float) -> None:
        self._client = client
        self._end = end
        self.ms: defaultdict[str, list[float]] = defaultdict(list)
        self.errors = 0

    def render(self, job: Job) -> int:
        """Render one picture after another; returns their number."""
        pictures = 0
        while time.monotonic() < self._end:
            request_id = self._timed("submit", self._client.submit, job)
            while not self._timed("status", self._client.poll, request_id):
                time.sleep(POLL_S)
            self._timed("picture", self._client.picture_if_done, request_id)
            pictures += 1
        return pictures

    def poll_health(self) -> None:
        while time.monotonic() < self._end:
            self._timed("health", self._client.get, "/health")
            time.sleep(HEALTH_S)

    def _timed(self, kind: str, call: Callable[[A], T], argument: A) -> T:
        """The result of the call, which is repeated after each 5xx."""
        while True:
            start = time.perf_counter()
            try:
                return call(argument)
            except UnexpectedStatus as error:
                if not str(error).startswith("5"):
                    raise
                self.errors += 1
            finally:
                self.ms[kind].append(1000 * (time.perf_counter() - start))


def main(seconds: int = 300, workers: int = 3, clients: int = 12) -> None:
    with (
        file_server(seed_file) as origin,
        service(workers) as client,
        ThreadPoolExecutor(clients + 1) as threads,
    ):
        client.redis.config_set("latency-monitor-threshold", 1)  # ms
        [job] = new_jobs(PNG, origin, 1)
        start = time.monotonic()
        calls = Calls(client, start + seconds)
        health = threads.submit(calls.poll_health)
        pictures = sum(threads.map(calls.render, [job] * clients))
        per_s = pictures / (time.monotonic() - start)
        health.result()
        latest = client.redis.latency_latest()
        fsync_ms = max((int(ms) for name, _, _, ms, *_ in latest if b"fsync" in name), default=0)
    rows = [[kind, f"{len(ms):,}", *latencies(ms, 50, 99)] for kind, ms in calls.ms.items()]
    print(table(("call", "calls", "p50, ms", "p99, ms", "longest, ms"), rows))
    print(f"{pictures:,} pictures, {per_s:.1f} a second; {calls.errors} 5xx responses")
    print(f"longest fsync of Redis: {fsync_ms} ms")
