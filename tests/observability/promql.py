"""The queries of rules and dashboard, and promtool, which validates them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.missing import missing

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "observability"
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((FOLDER / "grafana/dashboards/superimpose.json").read_text())

SELECTOR = re.compile(r"\b(superimpose_\w+)(?:\{([^}]*)\})?")
GROUPING = re.compile(r"\bby \(([^)]*)\)")


def panels() -> Iterator[dict[str, Any]]:
    """The panels that have queries."""
    return (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


def dashboard_queries() -> Iterator[tuple[str, str]]:
    """(title of the panel, query) with Grafana's variables replaced."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m")


def queries() -> list[tuple[str, str]]:
    """All queries by panel or alert."""
    return [*dashboard_queries(), *((rule["alert"], rule["expr"]) for rule in RULES)]


def used(query: str) -> Iterator[tuple[str, set[str]]]:
    """(metric, labels) of our metrics in a query, from matchers and groupings."""
    grouped = {label.strip() for labels in GROUPING.findall(query) for label in labels.split(",")}
    for metric, matchers in SELECTOR.findall(query):
        matched = {match.partition("=")[0].strip(" !~") for match in filter(None, matchers.split(","))}
        yield metric, matched | grouped


def promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run promtool; if it is missing tests are skipped, on CI they fail."""
    path = shutil.which("promtool")
    if path is None:
        missing("no promtool on PATH (apt install prometheus)")
    return subprocess.run([path, *arguments], capture_output=True, text=True)
