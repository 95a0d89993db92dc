"""A service whose parts can be broken, for faults."""

import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.chaos.outside.redis_process import RedisProcess
from tests.origin import Origin
from tests.stack import Stack


@dataclass
class Site:
    """A service with one worker, its Redis, its store, and an origin that may hang.

    What sends events serves its metrics at `webhooks_port`.
    """

    stack: Stack
    redis: RedisProcess
    store: Path
    origin: Origin
    webhooks_port: int

    @property
    def samples(self) -> dict[str, str]:
        """A request whose pictures are always available."""
        return {
            "base_image": f"{self.stack.url}/samples/cup.jpg",
            "overlay_image": f"{self.stack.url}/samples/logo.png",
        }

    def submit(self, times: int, start_timeout_s: int = 600, **pictures: str) -> None:
        """Submit this many requests, ignoring the responses."""
        headers = {"x-start-timeout": str(start_timeout_s)}
        for _ in range(times):
            with suppress(httpx.HTTPError):
                self.stack.client.post("/v2/superimpose", json={**self.samples, **pictures}, headers=headers)

    def start_worker(self) -> None:
        """Start a worker that serves metrics on the port of the first one."""
        self.stack.start("cli", "worker", "--workers", "1")

    def start_webhooks(self) -> None:
        """Start a sender as the second process of the stack."""
        env = {**self.stack.env, "SUPERIMPOSE_METRICS_PORT": str(self.webhooks_port)}
        log = self.stack.log
        process = subprocess.Popen([sys.executable, "-m", "cli", "webhooks"], env=env, stdout=log, stderr=log)
        self.stack.processes.insert(1, process)

    def stop(self, index: int, number: int = signal.SIGTERM) -> None:
        """Stop a process of the stack: 0 is the API, 1 the webhook sender, -1 the worker."""
        process = self.stack.processes.pop(index)
        process.send_signal(number)
        process.wait()
