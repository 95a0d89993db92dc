"""The service of this repository, as processes with settings of their own."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.harness.clients import Superimpose
from benchmarks.harness.processes import await_answer, free_port, started
from benchmarks.harness.redis_server import RedisServer

KEY = "key-of-the-benchmarks"
API = (sys.executable, "-m", "cli", "api")
WORKER = (sys.executable, "-m", "worker")
OPEN = {"fetch_allow": "127.0.0.1/32", "rate_limit": "unlimited", "rate_limit_reads": "unlimited"}
"""One client with one key, from loopback: its own rate is not what is measured."""


def environment(**settings: object) -> dict[str, str]:
    """The environment of a process with these settings and no others of ours."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("SUPERIMPOSE_")}
    return others | {f"SUPERIMPOSE_{name.upper()}": str(value) for name, value in (OPEN | settings).items()}


@contextmanager
def service(
    redis: RedisServer, workers: int = 2, name: str = "service", **settings: object
) -> Iterator[Superimpose]:
    """An API process and so many worker processes on this Redis. Its `env` runs further workers."""
    folder = redis.folder / name
    env = environment(redis_url=redis.url, data_dir=folder, dev_api_key=KEY, **settings)
    port, log = free_port(), redis.folder / f"{name}.log"
    with ExitStack() as stack:
        commands = [(*API, "--port", port), *[WORKER] * workers]
        processes = [stack.enter_context(started(command, env, log)) for command in commands]
        await_answer(port, processes, log)
        client = Superimpose(f"http://127.0.0.1:{port}", [each.pid for each in processes], KEY)
        client.env, client.log = env, log
        yield stack.enter_context(client)


@contextmanager
def up(folder: Path, *options: str, key: str = KEY, **settings: object) -> Iterator[Superimpose]:
    """`superimpose up` with a Redis of its own, or with the one in the settings."""
    port, log = free_port(), folder / "up.log"
    env = environment(data_dir=folder, dev_api_key=key, **settings)
    with started([sys.executable, "-m", "cli", "up", "--port", port, *options], env, log) as process:
        await_answer(port, [process], log)
        with Superimpose(f"http://127.0.0.1:{port}", [process.pid], key) as client:
            yield client
