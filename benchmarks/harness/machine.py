"""Where figures come from: machine, versions, commit."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cli.serve.redis_server import find_server

ROOT = Path(__file__).parents[2]
PACKAGES = ("fastapi", "uvicorn", "redis", "rq", "pillow", "numpy", "locust")


def facts(host: str | None) -> dict[str, str]:
    """Facts to show beside figures, by name; `host` None: of a service that was started for them."""
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _commit(),
        "service": f"{host}, whose machine is not described here" if host else _service(),
        "machine of the clients"
        if host
        else "machine": f"{os.cpu_count()} cores, {_processor()}, {platform.system()} {platform.release()}",
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)]
        ),
    }


def _service() -> str:
    return f"{os.cpu_count()} workers, {_redis()}, on this machine, as are the clients and the pictures"


def _commit() -> str:
    """The short hash of what is checked out, and whether it was changed since."""
    shown = _output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    changed = _output("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")
    return f"{shown or 'unknown'}{' with changes' if changed else ''}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _redis() -> str:
    server = _output(find_server(), "--version").split()
    return " ".join([*server[:1], *(word.removeprefix("v=") for word in server if word.startswith("v="))])


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
