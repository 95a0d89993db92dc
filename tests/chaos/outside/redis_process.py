"""A Redis that loses no acknowledged write and can be killed and restarted on the same directory."""

import subprocess
import time
from pathlib import Path
from typing import Self

from redis import Redis, RedisError

from cli.serve.redis_server import find_server
from tests.stack import free_port

READY_S = 60


class RedisProcess:
    """A server on loopback; its `port` stays the same over restarts."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(directory),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
            "logfile": str(directory / "redis.log"),
        }
        self._command = [find_server(), *(word for name in options for word in (f"--{name}", options[name]))]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def start(self) -> None:
        """Start it, and wait until it has loaded its file."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + READY_S
        while not self.answers():
            assert self._process.poll() is None, f"Redis ended with {self._process.returncode}"
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL it."""
        self._process.kill()
        self._process.wait()

    def answers(self) -> bool:
        """Whether it answers."""
        try:
            with Redis(port=self.port) as redis:
                return bool(redis.ping())
        except RedisError:
            return False
