"""A service, and a fault of it for each alert, caused within a block and repaired after it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from redis import Redis

from jobs import keyspace
from tests.chaos.outside.redis_process import RedisProcess
from tests.chaos.process_table import children
from tests.origin import Origin
from tests.stack import Stack, await_http, free_port

RECEIVERS = 40
FILLERS = 50  # of a megabyte each
BUFFERS_LIVE_S = 3  # time for which Redis holds more than its keys


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


@contextmanager
def no_workers(site: Site) -> Iterator[None]:
    """Requests come in and wait; those with a short start timeout fail."""
    site.stop(-1)
    site.submit(
        20, start_timeout_s=2
    )  # first, or they would be refused: behind others they cannot be started in time
    site.submit(20)
    yield
    site.start_worker()


@contextmanager
def redis_away(site: Site) -> Iterator[None]:
    """Redis is killed, and restarted on its port; clients keep submitting."""
    site.redis.kill()
    with repeating(lambda: site.submit(1), every_s=0.2):
        yield
    site.redis.start()


@contextmanager
def api_away(site: Site) -> Iterator[None]:
    """The API is killed, and restarted on its port."""
    site.stop(0, signal.SIGKILL)
    yield
    api = site.stack.start("cli", "api", "--port", site.stack.url.rpartition(":")[2])
    site.stack.processes.insert(0, site.stack.processes.pop())
    await_http(f"{site.stack.url}/livez", api)


@contextmanager
def store_broken(site: Site) -> Iterator[None]:
    """A file takes the place of the directory of pictures, as root may write to read-only ones."""
    outputs = site.store / "outputs"
    away = site.store / "outputs.away"
    if outputs.exists():
        outputs.rename(away)
    outputs.write_text("")
    site.submit(30)
    yield
    outputs.unlink()
    if away.exists():
        away.rename(outputs)


@contextmanager
def workers_killed(site: Site) -> Iterator[None]:
    """Children are killed at each job, after they have started it."""

    def kill() -> None:
        if redis.zcard(keyspace.LEASES):
            for worker in children(site.stack.processes[-1].pid):
                for child in children(worker):
                    with suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)

    site.submit(30, base_image=f"{site.origin.url}/hangs.jpg")
    with Redis(port=site.redis.port) as redis, repeating(kill, every_s=0.2):
        yield
    site.origin.release.set()


@contextmanager
def webhooks_away(site: Site) -> Iterator[None]:
    """Events come in without a sender."""
    site.stop(1)
    site.submit(5, webhook_url=f"{site.origin.url}/hook")
    yield
    site.start_webhooks()


@contextmanager
def receivers_away(site: Site) -> Iterator[None]:
    """No receiver listens."""
    for _ in range(RECEIVERS):
        site.submit(1, webhook_url=f"http://127.0.0.1:{free_port()}/hook")
    yield


@contextmanager
def redis_filled(site: Site, share: float) -> Iterator[None]:
    """Set maxmemory so that Redis is full to this share."""
    filler = [f"superimpose:filler:{number}" for number in range(FILLERS)]
    with Redis(port=site.redis.port) as redis:
        for key in filler:
            redis.set(key, bytes(1_000_000))
        time.sleep(BUFFERS_LIVE_S)
        redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] / share))
        yield
        redis.config_set("maxmemory", 0)
        redis.delete(*filler)


@contextmanager
def redis_slow(site: Site) -> Iterator[None]:
    """Redis is suspended for 0.3 s of each 0.4 s."""
    with Redis(port=site.redis.port) as redis:
        with repeating(lambda: redis.client_pause(300), every_s=0.4), repeating(lambda: site.submit(1), 0.05):
            yield
        redis.client_unpause()


@contextmanager
def repeating(what: Callable[[], object], every_s: float) -> Iterator[None]:
    """Repeat this call during the block."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(every_s):
            what()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
