"""A Redis of the benchmark's own, started as `superimpose up` starts it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from redis import Redis

from cli.serve.redis_server import await_ready, server_command


@dataclass(frozen=True)
class RedisServer:
    """Its socket and data are in `folder`, as is whatever else a benchmark keeps."""

    folder: Path
    pid: int

    @property
    def socket(self) -> Path:
        return self.folder / "redis.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def connect(self) -> Redis:
        return Redis.from_url(self.url)

    def empty(self) -> None:
        with self.connect() as redis:
            redis.flushall()


def cpu_s(redis: Redis) -> float:
    """Processor time that Redis has used."""
    used = redis.info("cpu")
    return float(used["used_cpu_sys"]) + float(used["used_cpu_user"])


def calls(redis: Redis) -> int:
    """Commands that Redis has run, those that scripts call included."""
    return sum(stats["calls"] for stats in redis.info("commandstats").values())


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """In a directory of its own, below /tmp because a socket's path is short."""
    with TemporaryDirectory(dir="/tmp", prefix="bench-") as name:
        folder = Path(name)
        server = RedisServer(folder, 0)
        process = subprocess.Popen(
            server_command(folder, server.socket), stdout=subprocess.DEVNULL, start_new_session=True
        )
        try:
            await_ready(server.socket, lambda: process.poll() is not None)
            yield RedisServer(folder, process.pid)
        finally:
            process.terminate()
            process.wait()
