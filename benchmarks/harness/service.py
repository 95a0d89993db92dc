"""Starts this service and its Redis for a benchmark."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from redis import Redis

from benchmarks.harness.clients import Client, Superimpose
from benchmarks.harness.processes import await_http, free_port, started, wait_for
from cli.serve.redis_server import await_ready, server_command

KEY = "key-of-the-benchmarks"
OPEN = {"fetch_allow": "127.0.0.1/32", "rate_limit": "unlimited", "rate_limit_reads": "unlimited"}
"""Inputs come from loopback, and rate limits are not what is measured."""

C = TypeVar("C", bound=Client)


@dataclass(frozen=True)
class RedisServer:
    """`folder` has its socket and data, and other files of the benchmark."""

    folder: Path
    url: str
    pid: int
    redis: Redis


def redis_cpu_s(redis: Redis) -> float:
    used = redis.info("cpu")
    return float(used["used_cpu_sys"]) + float(used["used_cpu_user"])


def await_rewrite(redis: Redis) -> None:
    """Wait for the end of an AOF rewrite, which would be measured too."""
    wait_for(lambda: not redis.info("persistence")["aof_rewrite_in_progress"], "end of the rewrite")


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Redis as `superimpose up` starts it, below /tmp because socket paths have to be short."""
    with TemporaryDirectory(dir="/tmp", prefix="bench-") as name:
        folder, socket = Path(name), Path(name, "redis.sock")
        url = f"unix://{socket}"
        with started(server_command(folder, socket), os.environ, folder / "redis-server.log") as process:
            await_ready(socket, lambda: process.poll() is not None)
            with Redis.from_url(url) as redis:
                yield RedisServer(folder, url, process.pid, redis)


def environment(**settings: object) -> dict[str, str]:
    """The environment of a process with only these settings."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("SUPERIMPOSE_")}
    return others | {f"SUPERIMPOSE_{name.upper()}": str(value) for name, value in (OPEN | settings).items()}


@contextmanager
def running(
    commands: Sequence[str],
    env: Mapping[str, str],
    log: Path,
    client: Callable[[str, list[int]], C],
    python: str | Path = sys.executable,
) -> Iterator[C]:
    """Start processes, of which the first serves HTTP at `{port}`, and a client. Raises `CannotStart`."""
    port = free_port()
    with ExitStack() as stack:
        processes = [
            stack.enter_context(started([python, *command.format(port=port).split()], env, log))
            for command in commands
        ]
        await_http(port, processes, log)
        yield client(f"http://127.0.0.1:{port}", [each.pid for each in processes])


@contextmanager
def service(
    workers: int = 2, on: RedisServer | None = None, name: str = "service", **settings: object
) -> Iterator[Superimpose]:
    """An API process and worker processes, on the given Redis or their own.

    `env` of the client can start more workers.
    """
    with ExitStack() as stack:
        server = on or stack.enter_context(redis_server())
        env = environment(redis_url=server.url, data_dir=server.folder / name, dev_api_key=KEY, **settings)
        log = server.folder / f"{name}.log"
        commands = ["-m cli api --port {port}", *["-m worker"] * workers]
        client = stack.enter_context(running(commands, env, log, partial(Superimpose, key=KEY)))
        client.env, client.log, client.redis = env, log, server.redis
        yield client


@contextmanager
def up(folder: Path, options: str = "", key: str = KEY, **settings: object) -> Iterator[Superimpose]:
    """`superimpose up`, on the Redis in the settings or its own."""
    env, command = environment(data_dir=folder, dev_api_key=key, **settings), "-m cli up --port {port} "
    with running([command + options], env, folder / "up.log", partial(Superimpose, key=key)) as client:
        yield client
