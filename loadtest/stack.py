"""A service of our own: `superimpose up` without rate limits, in a directory that goes away with it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from loadtest.target import Unusable, one_line

ROOT = Path(__file__).parents[1]
START_S = 60
STOP_S = 30
LOOK_AGAIN_S = 0.1


@contextmanager
def running(key: str) -> Iterator[str]:
    """Its URL; it fetches from loopback, and its key is `key`. Raises `Unusable`."""
    url = f"http://127.0.0.1:{_free_port()}"
    with TemporaryDirectory(prefix="superimpose-loadtest-") as folder:
        log = Path(folder, "log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli", "up", "--port", url.rpartition(":")[2], "--data-dir", folder],
                cwd=ROOT,
                env=_environment(key),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C comes to us alone; we stop it last
            )
        try:
            _await_answer(url, process, log)
            yield url
        finally:
            _stop(process)


def _environment(key: str) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("SUPERIMPOSE_")}
    return others | {
        "SUPERIMPOSE_DEV_API_KEY": key,
        "SUPERIMPOSE_FETCH_ALLOW": "127.0.0.1/32",
        "SUPERIMPOSE_RATE_LIMIT": "unlimited",
        "SUPERIMPOSE_RATE_LIMIT_READS": "unlimited",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_answer(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            httpx.get(f"{url}/livez", trust_env=False).raise_for_status()
            return
        except httpx.HTTPError:
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace").strip().rpartition("\n")[2]
                raise Unusable(f"the service did not start: {one_line(last)}") from None
            time.sleep(LOOK_AGAIN_S)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
