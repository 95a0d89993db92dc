"""What a run has measured so far, on disk after each step: an aborted run loses nothing."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.harness import machine
from benchmarks.harness.service import RedisServer

FOLDER = machine.ROOT / "benchmarks" / "results"
PACKAGES = ("pillow", "numpy", "fastapi", "uvicorn", "uvloop", "redis", "hiredis", "rq", "httpx")


class Results:
    """Rows by table, in a JSON file; and facts about the run."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self.path = path
        self._data = data

    @classmethod
    def begin(cls) -> "Results":
        FOLDER.mkdir(exist_ok=True)
        now = datetime.now(UTC)
        run = {
            "at": f"{now:%Y-%m-%d %H:%M} UTC",
            "commit": machine.commit(),
            "machine": machine.machine(),
            "load": f"{os.getloadavg()[0]:.1f}",
            "redis": machine.redis(),
            "versions": machine.versions(PACKAGES),
        }
        return cls(FOLDER / f"end-to-end-{now:%Y%m%d-%H%M%S}.json", {"run": run})

    @classmethod
    def read(cls, path: Path) -> "Results":
        return cls(path, json.loads(path.read_text()))

    @property
    def run(self) -> dict[str, str]:
        return dict(self._data["run"])

    def add(self, table: str, **row: Any) -> None:
        self._data.setdefault(table, []).append(row)
        self.path.write_text(json.dumps(self._data, indent=1))

    def rows(self, table: str, **values: Any) -> Iterator[dict[str, Any]]:
        """The rows that have these values."""
        for row in self._data.get(table, []):
            if values.items() <= row.items():
                yield row

    def column(self, table: str, column: str, **values: Any) -> list[Any]:
        return [row[column] for row in self.rows(table, **values)]


@dataclass(frozen=True)
class Run:
    """What all parts of a run share; `origin` serves the inputs, `say` tells how far it is."""

    redis: RedisServer
    origin: str
    results: Results
    rounds: int
    jobs: int
    say: Callable[[str], None]
