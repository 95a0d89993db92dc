"""The service as real processes, an API on loopback and workers, forked from one that has loaded it."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx
from redis import Redis

from jobs.keys.api_keys import ApiKeys
from tests import warm

KEY = "test-key-of-the-whole-suite"
ON_LOOPBACK: Any = {"trust_env": False, "verify": False}
"""For httpx clients: loading the machine's certificate authorities takes 18 ms."""

START_S = 180
STOP_S = 15
PATIENT = "socket_connect_timeout=5&socket_timeout=10"
"""For the Redis URL: a busy machine may suspend Redis for longer than the default timeout."""
PORTS = random.SystemRandom()


@dataclass
class Stack:
    """Running processes; `env` has their settings, `log` their common log."""

    url: str
    env: Mapping[str, str]
    client: httpx.Client
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    log: IO[bytes] | None = None

    def submit(self, **params: object) -> str:
        """Submit over HTTP and return the request's id."""
        answer = self.client.post("/v2/superimpose", json=params)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["request_id"])

    def status(self, request_id: str) -> httpx.Response:
        """One poll."""
        return self.client.get(f"/v2/requests/{request_id}/status")

    def finish(self, request_id: str, patience_s: float = 60) -> httpx.Response:
        """Poll until COMPLETED or FAILED, and return that status response."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            answer = self.status(request_id)
            if answer.json().get("status") not in ("QUEUED", "PROCESSING"):
                return answer
            time.sleep(0.02)
        raise AssertionError(f"still {answer.json()} after {patience_s} s")

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        """Run another process of this stack."""
        process: subprocess.Popen[bytes] = warm.start(command, self.env, self.log)
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """Stop all processes by SIGTERM, then SIGKILL."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def environment(redis_url: str, data_dir: object, **settings: object) -> dict[str, str]:
    """The environment of a process with only these settings."""
    given = {
        "redis_url": redis_url,
        "data_dir": data_dir,
        "dev_api_key": KEY,
        "log_format": "console",
        **settings,
    }
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SUPERIMPOSE_")}
    return plain | {f"SUPERIMPOSE_{name.upper()}": str(value) for name, value in given.items()}


def empty_database(redis_socket: object, number: int) -> str:
    """The URL of an emptied database, with long timeouts."""
    url = f"unix://{redis_socket}?db={number}&{PATIENT}"
    with Redis.from_url(url) as redis:
        redis.flushdb()
    return url


def forget(stack: Stack) -> None:
    """Empty the database of an API without workers, for the next test."""
    with Redis.from_url(stack.env["SUPERIMPOSE_REDIS_URL"]) as redis:
        redis.flushdb()
        ApiKeys(redis).make_valid("dev", KEY)
    shutil.rmtree(Path(stack.env["SUPERIMPOSE_DATA_DIR"]) / "store", ignore_errors=True)


def free_port() -> int:
    """A free port that the system does not use for outgoing connections."""
    while True:
        port = PORTS.randrange(11_000, 32_768)  # not used for connections, nor blocked by browsers
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def await_http(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the process answers at `url`."""
    deadline = time.monotonic() + START_S
    with httpx.Client(**ON_LOOPBACK) as client:
        while True:
            try:
                client.get(url).raise_for_status()
                return
            except httpx.HTTPError:
                assert process.poll() is None, f"ended with {process.returncode}"
                assert time.monotonic() < deadline, f"no answer from {url}"
                time.sleep(0.05)


@contextmanager
def running(env: Mapping[str, str], workers: int = 1, log: IO[bytes] | None = None) -> Iterator[Stack]:
    """An API and workers with this environment."""
    url = f"http://127.0.0.1:{free_port()}"
    with httpx.Client(base_url=url, headers={"x-api-key": KEY}, timeout=30, **ON_LOOPBACK) as client:
        stack = Stack(url, env, client, log=log)
        try:
            api = stack.start("cli", "api", "--port", url.rpartition(":")[2])
            for _ in range(workers):
                stack.start("worker")
            await_http(f"{url}/livez", api)
            yield stack
        finally:
            stack.stop()
