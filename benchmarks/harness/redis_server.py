"""The Redis that all contestants share, started as `superimpose up` starts it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from redis import Redis

from cli.serve.redis_server import await_ready, server_command


@dataclass(frozen=True)
class Backing:
    """A Redis that is emptied for each contestant; `folder` is for whatever else is kept."""

    folder: Path
    pid: int

    @property
    def socket(self) -> Path:
        """Where Redis listens."""
        return self.folder / "redis.sock"

    @property
    def url(self) -> str:
        """The same, for redis-py."""
        return f"unix://{self.socket}"

    def connect(self) -> Redis:
        """A client."""
        return Redis.from_url(self.url)

    def cpu_s(self) -> float:
        """Processor time that Redis has used."""
        with self.connect() as redis:
            used = redis.info("cpu")
        return float(used["used_cpu_sys"]) + float(used["used_cpu_user"])

    def empty(self) -> None:
        """As it was at the start."""
        with self.connect() as redis:
            redis.flushall()


@contextmanager
def backing() -> Iterator[Backing]:
    """A Redis in a directory of its own, below /tmp because a socket's path is short."""
    with TemporaryDirectory(dir="/tmp", prefix="bench-") as name:
        folder = Path(name)
        process = subprocess.Popen(server_command(folder, folder / "redis.sock"), stdout=subprocess.DEVNULL)
        try:
            await_ready(folder / "redis.sock", lambda: process.poll() is not None)
            yield Backing(folder, process.pid)
        finally:
            process.terminate()
            process.wait()
