"""The results of a run, written to disk after each step so that an aborted run loses nothing."""

import json
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.harness import machine
from benchmarks.harness.service import RedisServer

FOLDER = machine.ROOT / "benchmarks" / "results"
PACKAGES = ("pillow", "numpy", "fastapi", "uvicorn", "uvloop", "redis", "hiredis", "rq", "httpx")


@dataclass
class Results:
    """Rows by table, and facts about the run, in a JSON file."""

    path: Path
    data: dict[str, Any]

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

    def add(self, table: str, **row: Any) -> None:
        self.data.setdefault(table, []).append(row)
        self.path.write_text(json.dumps(self.data, indent=1))

    def rows(self, table: str, **values: Any) -> list[dict[str, Any]]:
        """The rows that have these values."""
        return [row for row in self.data.get(table, []) if values.items() <= row.items()]


@dataclass(frozen=True)
class Run:
    """What all parts of a run share. `origin` is the URL of the inputs."""

    server: RedisServer
    origin: str
    results: Results
    rounds: int
    jobs: int
    started_s: float = field(default_factory=time.monotonic)

    def log(self, text: str) -> None:
        print(f"{(time.monotonic() - self.started_s) / 60:5.1f} min   {text}", flush=True)

    def add_fault(self, contestant: str, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        self.results.add("faults", contestant=contestant, text=text)
        self.log(f"{contestant} is left out: {text}")
