"""Writes the report (results.json, report.md, index.html, plots) and the figures in docs/PERFORMANCE.md."""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

from markdown_it import MarkdownIt

from benchmarks.harness import machine
from benchmarks.harness.figures import table, write_section
from loadtest import mix, plots
from loadtest.samples import MEASURES, Step
from loadtest.target import Unusable

BEGIN, END = "<!-- written by make loadtest DOCS=1 -->", "<!-- end -->"
PACKAGES = ("fastapi", "uvicorn", "redis", "rq", "pillow", "numpy", "locust")
MEANINGS = """\
- submit: the client's call
- queue wait: accepted to claimed (`queue_time`)
- compute: decode, compose, encode (`inference_time`)
- in the service: accepted to COMPLETED (`total_time`)
- end to end: submit to picture, with the client's polls after 0.1 s, then less often, up to each second"""
UNIT = "ms: p50/p95/p99, where at least five samples lie above"
THINKING = (
    f"A client thinks between a picture and its next submit, {mean(mix.THINK_S):.1f} s on average "
    f"({', '.join(map(str, mix.THINK_S))} s at random),\nso few clients do not fill the service"
)
MIN_GROWTH = 1.1
"""If the throughput with more clients grows by less than this factor, the capacity is reached."""
HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Load test</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
img { max-width: 100%; display: block }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #ddd; white-space: nowrap }
</style>
<h1>Load test</h1>
"""


@dataclass(frozen=True)
class Report:
    facts: Mapping[str, str]
    seconds: int
    steps: Sequence[Step]

    @property
    def passed(self) -> bool:
        return not any(step.failure for step in self.steps)

    @property
    def verdict(self) -> str:
        failures = [step.failure for step in self.steps if step.failure]
        return f"failed: {'; '.join(failures)}" if failures else f"passed: no request failed; {self.capacity}"

    @property
    def capacity(self) -> str:
        """The highest throughput, if there were enough clients to reach it."""
        paces = {step.clients: step.pictures_per_s for step in self.steps}
        *fewer, largest = sorted(paces)
        if fewer and paces[largest] <= MIN_GROWTH * paces[fewer[-1]]:
            pace = f"{max(paces.values()):.1f} pictures a second"
            return f"the capacity is {pace}: {largest} clients got no more than {fewer[-1]}"
        return f"the capacity was not reached: {largest} clients got {paces[largest]:.1f} pictures a second"

    def times(self) -> str:
        rows = []
        for step in self.steps:
            times = ["/".join(map(_ms, step.times_ms[name])) for name in MEASURES]
            rows.append([str(step.clients), f"{step.pictures_per_s:.1f}", str(step.pictures), *times])
        return table(["clients", "pictures/s", "pictures", *MEASURES], rows, first="---:")

    def errors(self) -> str:
        codes = sorted({code for step in self.steps for code in step.errors})
        if not codes:
            return "No errors."
        rows = [[code, *(str(step.errors.get(code, 0)) for step in self.steps)] for code in codes]
        return table(["code", *(f"{step.clients} clients" for step in self.steps)], rows, first="---:")


def facts(host: str | None) -> dict[str, str]:
    """The origin of the figures; `host` is None for a service that was started for the test."""
    here = f"{os.cpu_count()} workers, {machine.redis()}, on this machine, as are clients and pictures"
    return {
        "measured": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": machine.commit(),
        "service": f"{host}, whose machine is not described here" if host else here,
        "machine of the clients" if host else "machine": machine.machine(),
        "versions": machine.versions(PACKAGES),
    }


def write(report: Report, out: Path) -> None:
    for earlier in plots.NAMES:
        (out / f"{earlier}.png").unlink(missing_ok=True)
    images = plots.draw_all(report.steps)
    for name, png in images.items():
        (out / f"{name}.png").write_bytes(png)
    (out / "results.json").write_text(json.dumps(asdict(report), indent=2) + "\n")
    (out / "report.md").write_text(markdown(report))
    (out / "index.html").write_text(html(report, images))


def write_docs(report: Report, docs: Path) -> None:
    """Update the figures of the page in the directory `docs`, and its plots. Raises `Unusable`."""
    page, images = docs / "PERFORMANCE.md", plots.draw_all(report.steps)
    if not {"overview", "parts"} <= images.keys():
        raise Unusable("too few pictures were made for the plots of the page")
    try:
        write_section(page, BEGIN, END, f"\n{markdown(report)}")
    except ValueError as error:
        raise Unusable(f"{page} has {error}") from None
    (docs / "loadtest.png").write_bytes(images["overview"])
    (docs / "loadtest-parts.png").write_bytes(images["parts"])


def markdown(report: Report) -> str:
    verdict = report.verdict[0].upper() + report.verdict[1:]
    facts = "\n".join(f"- {name}: {value}" for name, value in report.facts.items())
    how = f"Steps of {report.seconds} s; {UNIT}.\n{THINKING}."
    return "\n\n".join([f"**{verdict}.**", facts, how, report.times(), MEANINGS, report.errors()]) + "\n"


def html(report: Report, images: Mapping[str, bytes]) -> str:
    """The report as one file. Links and images in texts of the service are not rendered."""
    images_html = "\n".join(
        f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}" alt="{name}">'
        for name, png in images.items()
    )
    text = MarkdownIt("zero").enable(["table", "list", "emphasis", "backticks"]).render(markdown(report))
    locust = ", ".join(f'<a href="locust-{step.clients}.html">{step.clients}</a>' for step in report.steps)
    return f"""{HEAD}{text}{images_html}
<p>Locust's own reports, by number of clients: {locust}.
All figures: <a href="results.json">results.json</a>.</p>
"""


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
