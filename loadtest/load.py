"""A step of load: Locust in a process of its own, so that what it patches stays there."""

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

DRAIN_S = 10
"""For what was submitted before the end of a step."""
START_S = 30


@dataclass(frozen=True)
class Load:
    """What all steps have in common. `reports` is where Locust's own reports go."""

    host: str
    key: str
    reports: Path
    pictures: Urls

    def step(self, clients: int, seconds: int) -> Step:
        """Put so many clients on the service for so long. Raises `Unusable`."""
        options = {
            "locustfile": Path(__file__).with_name("locustfile.py"),
            "host": self.host,
            **{role: ",".join(urls) for role, urls in self.pictures._asdict().items()},
            "users": clients,
            "spawn-rate": clients,
            "run-time": f"{seconds}s",
            "stop-timeout": f"{DRAIN_S}s",
            "html": self.reports / f"locust-{clients}.html",
            "exit-code-on-error": 0,  # errors are a finding of ours
            "loglevel": "WARNING",
        }
        named = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        with TemporaryDirectory() as folder:
            samples = Path(folder, "samples")
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "locust", "--headless", *named, "--samples", str(samples)],
                    cwd=ROOT,
                    env=os.environ | {"KEY": self.key},  # not an argument, which `ps` shows to everybody
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
