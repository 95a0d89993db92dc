"""The service of this repository and a Redis for it, each of a benchmark's own."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from redis import Redis

from benchmarks.harness.clients import Client, Superimpose
from benchmarks.harness.processes import await_answer, free_port, started
from cli.serve.redis_server import await_ready, server_command

KEY = "key-of-the-benchmarks"
WORKER = (sys.executable, "-m", "worker")
OPEN = {"fetch_allow": "127.0.0.1/32", "rate_limit": "unlimited", "rate_limit_reads": "unlimited"}
"""One client with one key, from loopback: its own rate is not what is measured."""

C = TypeVar("C", bound=Client)


@dataclass(frozen=True)
class RedisServer:
    """Its socket and data are in `folder`, as is whatever else a benchmark keeps."""

    folder: Path
    socket: Path
    pid: int

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def connect(self) -> Redis:
        return Redis.from_url(self.url)

    def empty(self) -> None:
        with self.connect() as redis:
            redis.flushall()


def redis_cpu_s(redis: Redis) -> float:
    used = redis.info("cpu")
    return float(used["used_cpu_sys"]) + float(used["used_cpu_user"])


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """As `superimpose up` starts it, in a directory below /tmp because a socket's path is short."""
    with TemporaryDirectory(dir="/tmp", prefix="bench-") as name:
        folder = Path(name)
        socket = folder / "redis.sock"
        with started(server_command(folder, socket), os.environ, folder / "redis-server.log") as process:
            await_ready(socket, lambda: process.poll() is not None)
            yield RedisServer(folder, socket, process.pid)


def environment(**settings: object) -> dict[str, str]:
    """The environment of a process with these settings and no others of ours."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("SUPERIMPOSE_")}
    return others | {f"SUPERIMPOSE_{name.upper()}": str(value) for name, value in (OPEN | settings).items()}


@contextmanager
def running(
    commands: Sequence[str],
    env: Mapping[str, str],
    log: Path,
    client: Callable[[str, list[int]], C],
    python: object = sys.executable,
) -> Iterator[C]:
    """A client of processes of which the first serves HTTP at `{port}`. Raises `CannotStart`."""
    port = free_port()
    with ExitStack() as stack:
        processes = [
            stack.enter_context(started([python, *command.format(port=port).split()], env, log))
            for command in commands
        ]
        await_answer(port, processes, log)
        with client(f"http://127.0.0.1:{port}", [each.pid for each in processes]) as made:
            yield made


@contextmanager
def service(
    redis: RedisServer, workers: int = 2, name: str = "service", **settings: object
) -> Iterator[Superimpose]:
    """An API process and so many worker processes on this Redis. Its `env` runs further workers."""
    env = environment(redis_url=redis.url, data_dir=redis.folder / name, dev_api_key=KEY, **settings)
    log = redis.folder / f"{name}.log"
    commands = ["-m cli api --port {port}", *["-m worker"] * workers]
    with running(commands, env, log, lambda url, pids: Superimpose(url, pids, KEY)) as client:
        client.env, client.log = env, log
        yield client


@contextmanager
def up(folder: Path, options: str = "", key: str = KEY, **settings: object) -> Iterator[Superimpose]:
    """`superimpose up` with a Redis of its own, or with the one in the settings."""
    env, command = environment(data_dir=folder, dev_api_key=key, **settings), "-m cli up --port {port} "
    with running(
        [command + options], env, folder / "up.log", lambda url, pids: Superimpose(url, pids, key)
    ) as client:
        yield client
