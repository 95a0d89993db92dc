"""Runs `superimpose up` as a process and reads its output."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.stack import ON_LOOPBACK, free_port

TIMEOUT_S = 90


def command(data_dir: Path, port: int, workers: int = 1) -> list[str]:
    asked = ["up", "--port", str(port), "--workers", str(workers), "--data-dir", str(data_dir)]
    return [sys.executable, "-m", "cli", *asked]


class Up:
    """A run of `superimpose up` with its output."""

    def __init__(self, data_dir: Path, port: int, workers: int = 1, **settings: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            command(data_dir, port, workers),
            env={
                **os.environ,
                "SUPERIMPOSE_LOG_FORMAT": "console",  # as on a terminal
                **{f"SUPERIMPOSE_{name.upper()}": value for name, value in settings.items()},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.printed = ""
        self._greeted = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
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
        status = self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        return status


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Up]:
    """A run with one worker that has printed its greeting; interrupted at the end."""
    service = Up(data_dir, free_port(), **settings)
    try:
        service.greeting()
        yield service
    finally:
        if service.process.poll() is None:
            service.interrupt()


def make_a_picture(service: Up) -> httpx.Response:
    body = {
        "base_image": f"{service.url}/samples/cup.jpg",
        "overlay_image": f"{service.url}/samples/logo.png",
    }
    headers = {"x-api-key": (service.data_dir / "dev-api-key").read_text()}
    return httpx.post(f"{service.url}/v1/superimpose", json=body, headers=headers, timeout=30, **ON_LOOPBACK)
