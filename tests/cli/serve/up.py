"""Runs `superimpose up` as a process, reads its output, and lets it send events."""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from redis import Redis

from cli.serve.up_file import settings_here
from jobs.keys.api_keys import ApiKeys
from jobs.webhooks.secrets import KeySecrets
from tests.cli.command import Command
from tests.stack import ON_LOOPBACK, free_port
from tests.webhooks.receiver import Receiver

TIMEOUT_S = 90


def arguments(data_dir: Path, port: int, workers: int = 1) -> list[str]:
    return ["up", "--port", str(port), "--workers", str(workers), "--data-dir", str(data_dir)]


class Up:
    """A run of `superimpose up` with its output."""

    def __init__(self, data_dir: Path, port: int, workers: int = 1, **settings: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.data_dir = data_dir
        env = {
            **os.environ,
            "SUPERIMPOSE_LOG_FORMAT": "console",  # as on a terminal
            **{f"SUPERIMPOSE_{name.upper()}": value for name, value in settings.items()},
        }
        self.process = Command(env, *arguments(data_dir, port, workers))
        self.printed = ""
        self._greeted = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self.process.stdout as lines:
            for line in lines:
                self.printed += line
                if "Ctrl-C stops everything" in line:
                    self._greeted.set()

    def greeting(self) -> str:
        assert self._greeted.wait(TIMEOUT_S), self.printed
        return self.printed

    def key(self) -> str:
        return re.search(r"key\s+(si_\w+)", self.greeting())[1]  # type: ignore[index]

    def await_line(self, text: str) -> None:
        """Wait until this is printed."""
        deadline = time.monotonic() + TIMEOUT_S
        while text not in self.printed:
            assert time.monotonic() < deadline, self.printed
            time.sleep(0.05)

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end and the end of its output; returns the exit status."""
        status = self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        return status


@contextmanager
def running(data_dir: Path, workers: int = 1, **settings: str) -> Iterator[Up]:
    """A run that has printed its greeting; interrupted at the end."""
    service = Up(data_dir, free_port(), workers, **settings)
    try:
        service.greeting()
        yield service
    finally:
        if service.process.poll() is None:
            service.interrupt()


def samples(service: Up) -> dict[str, str]:
    return {
        "base_image": f"{service.url}/samples/cup.jpg",
        "overlay_image": f"{service.url}/samples/logo.png",
    }


def make_a_picture(service: Up) -> httpx.Response:
    headers = {"x-api-key": service.key()}
    url = f"{service.url}/v1/superimpose"
    return httpx.post(url, json=samples(service), headers=headers, timeout=30, **ON_LOOPBACK)


def make_event(service: Up, receiver: Receiver, count: int) -> None:
    """Cause an event, and wait until `count` events have arrived."""
    body = samples(service) | {"webhook_url": receiver.url}
    headers = {"x-api-key": service.key()}
    httpx.post(f"{service.url}/v2/superimpose", json=body, headers=headers, **ON_LOOPBACK).raise_for_status()
    receiver.await_calls(count)


def webhook_secret() -> str:
    """The secret of the only key, as commands in the current environment print it."""
    settings = settings_here()
    with Redis.from_url(settings.effective_redis_url) as redis:
        [key] = ApiKeys(redis).list()
        return KeySecrets(redis, settings).read(key.key_id)
