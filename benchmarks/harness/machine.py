"""Describes the origin of figures: machine, versions, commit."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import psutil

from cli.serve.redis_server import find_server

ROOT = Path(__file__).parents[2]


def commit() -> str:
    """The short hash of the checked-out commit, and whether files have changed since."""
    short_hash = output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    changed = output("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")
    return f"{short_hash or 'unknown'}{' with changes' if changed else ''}"


def machine() -> str:
    memory_gb, system = psutil.virtual_memory().total / 1e9, f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} cores, {_processor()}, {memory_gb:.0f} GB, {system}"


def redis() -> str:
    return re.sub(r"^(\w+) .*?v=(\S+).*", r"\1 \2", output(find_server(), "--version"))


def versions(packages: Sequence[str]) -> str:
    return ", ".join(
        [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    model = re.search(r"^model name\s*: (.+)", info.read_text() if info.exists() else "", re.MULTILINE)
    return model[1] if model else platform.processor() or platform.machine()


def output(*command: str) -> str:
    """The output of a command; empty if it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
