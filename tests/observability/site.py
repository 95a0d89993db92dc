"""What faults are made on: a service that can be broken part by part."""

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
    """What can be broken: a service with one worker, its Redis, its store, and an origin that may hang.

    What sends events serves its metrics at `webhooks_port`.
    """

    stack: Stack
    redis: RedisProcess
    store: Path
    origin: Origin
    webhooks_port: int

    @property
    def samples(self) -> dict[str, str]:
        """Pictures that are always there."""
        return {
            "base_image": f"{self.stack.url}/samples/cup.jpg",
            "overlay_image": f"{self.stack.url}/samples/logo.png",
        }

    def submit(self, times: int, start_timeout_s: int = 600, **pictures: str) -> None:
        """So many requests, whatever is answered."""
        headers = {"x-start-timeout": str(start_timeout_s)}
        for _ in range(times):
            with suppress(httpx.HTTPError):
                self.stack.client.post("/v2/superimpose", json={**self.samples, **pictures}, headers=headers)

    def start_worker(self) -> None:
        """One that is asked for its metrics where the first was."""
        self.stack.start("cli", "worker", "--workers", "1")

    def start_webhooks(self) -> None:
        """In the second place of the stack's processes."""
        env = {**self.stack.env, "SUPERIMPOSE_METRICS_PORT": str(self.webhooks_port)}
        log = self.stack.log
        process = subprocess.Popen([sys.executable, "-m", "cli", "webhooks"], env=env, stdout=log, stderr=log)
        self.stack.processes.insert(1, process)

    def stop(self, index: int, number: int = signal.SIGTERM) -> None:
        """End a process of the stack: 0 is the API, 1 what sends events, -1 the worker."""
        process = self.stack.processes.pop(index)
        process.send_signal(number)
        process.wait()
