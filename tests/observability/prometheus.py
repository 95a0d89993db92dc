"""A real Prometheus on loopback, with shortened times in our rules."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.observability.promql import FOLDER
from tests.stack import ON_LOOPBACK, await_http, free_port

SCRAPE_S = 1
DURATION = re.compile(r"(?<=\[)(\d+)([smh])(?=\])")
AGE = re.compile(r"(?<=_seconds\) > )\d+")
UNIT_S = {"s": 1, "m": 60, "h": 3600}


@dataclass
class Prometheus:
    """A Prometheus server."""

    url: str

    def firing(self) -> set[str]:
        """Names of the firing alerts."""
        alerts = self._get("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def series(self, query: str, start: float, end: float, step_s: float) -> list[dict[str, Any]]:
        """The query over a range of time: `metric` with its labels, and `values` with [time, text] each."""
        found = self._get("query_range", query=query, start=start, end=end, step=step_s)
        result: list[dict[str, Any]] = found["result"]
        return result

    def values(self, query: str, at: float) -> list[float]:
        """The values of all series at that time."""
        return [float(each["value"][1]) for each in self._get("query", query=query, time=at)["result"]]

    def _get(self, what: str, **params: object) -> dict[str, Any]:
        answer = httpx.get(f"{self.url}/api/v1/{what}", params=params, timeout=30, **ON_LOOPBACK)
        answer.raise_for_status()
        data: dict[str, Any] = answer.json()["data"]
        return data


def faster(rules: dict[str, Any], speed: int) -> dict[str, Any]:
    """The rules, with each duration and age divided by `speed`."""
    for rule in rules["groups"][0]["rules"]:
        rule["for"] = f"{_seconds(rule['for']) // speed}s"
        rule["expr"] = DURATION.sub(lambda found: f"{_seconds(found[0]) // speed}s", rule["expr"])
        rule["expr"] = AGE.sub(lambda found: str(int(found[0]) // speed), rule["expr"])
    return rules


@contextmanager
def watching(directory: Path, targets: dict[str, Sequence[str]], speed: int) -> Iterator[Prometheus]:
    """A Prometheus that scrapes these targets, `job` -> `host:port`, every second."""
    server = shutil.which("prometheus")
    if server is None:
        sys.exit("no prometheus on PATH (apt install prometheus)")
    rules = faster(yaml.safe_load((FOLDER / "alerts.yml").read_text()), speed)
    config = {
        "global": {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"},
        "rule_files": ["alerts.yml"],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": list(names)}]} for job, names in targets.items()
        ],
    }
    (directory / "alerts.yml").write_text(yaml.safe_dump(rules))
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    command = [
        server,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'tsdb'}",
        f"--web.listen-address={address}",
    ]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        await_http(f"http://{address}/-/ready", process)
        yield Prometheus(f"http://{address}")
    finally:
        process.terminate()
        process.wait()


def await_alerts(prometheus: Prometheus, names: set[str], patience_s: float) -> dict[str, float]:
    """Seconds until each alert fired; those that did not fire are missing."""
    began, seen = time.monotonic(), dict[str, float]()
    while names - seen.keys() and time.monotonic() - began < patience_s:
        for name in prometheus.firing() & names - seen.keys():
            seen[name] = time.monotonic() - began
        time.sleep(SCRAPE_S / 4)
    return seen


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * UNIT_S[duration[-1]]
