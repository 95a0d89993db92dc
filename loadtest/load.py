"""Runs Locust, in a process of its own because it patches the standard library."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness.machine import ROOT
from loadtest.pictures import Urls
from loadtest.samples import Step, read, step
from loadtest.target import Unusable, one_line

DRAIN_S = 10  # for requests submitted before the end of a step
START_S = 30


@dataclass(frozen=True)
class Load:
    """What all steps share. `reports` is the directory of Locust's own reports."""

    host: str
    key: str
    reports: Path
    pictures: Urls

    def step(self, clients: int, seconds: int) -> Step:
        """Load the service with this number of clients. Raises `Unusable`."""
        options = {
            "locustfile": Path(__file__).with_name("locustfile.py"),
            "host": self.host,
            **{role: ",".join(urls) for role, urls in self.pictures._asdict().items()},
            "users": clients,
            "spawn-rate": clients,
            "run-time": f"{seconds}s",
            "stop-timeout": f"{DRAIN_S}s",
            "html": self.reports / f"locust-{clients}.html",
            "exit-code-on-error": 0,  # errors go into our report
            "loglevel": "WARNING",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        with TemporaryDirectory() as folder:
            samples = Path(folder, "samples")
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "locust", "--headless", *arguments, "--samples", str(samples)],
                    cwd=ROOT,
                    env=os.environ | {"KEY": self.key},  # not an argument, which other users could see
                    capture_output=True,
                    text=True,
                    timeout=START_S + seconds + DRAIN_S,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise Unusable(f"Locust with {clients} clients did not end") from None
            if done.returncode:
                raise Unusable(f"Locust ended with {done.returncode}: {one_line(done.stderr[-300:])}")
            return step(clients, seconds, read(samples))
