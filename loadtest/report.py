"""The report: results.json, report.md, index.html and the plots."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from statistics import mean

from loadtest import mix, plots
from loadtest.measured import MEASURES, Step

MEANINGS = {
    "submit": "the client's call, from its first byte to the answer",
    "queue wait": "from accepted to taken by a worker (`queue_time` of the answer)",
    "compute": "decode, compose, encode (`inference_time`)",
    "in the service": "from accepted to COMPLETED, with fetching and storing (`total_time`)",
    "end to end": "the client's, from its submit to the picture in hand; it polls after 0.1 s, then less and "
    "less often, in the end each second",
}
UNIT = "ms: p50 / p95 / p99, each only where at least five samples lie above it"
THINKING = (
    f"A client thinks between a picture and its next submit, {mean(mix.THINK_S):.1f} s on average "
    f"({', '.join(map(str, mix.THINK_S))} s at random):\nthe pace of few clients is their own"
)
GROWN = 1.1
"""Throughput over that with fewer clients, below which the service has no more to give."""


@dataclass(frozen=True)
class Report:
    """What was measured, on what."""

    facts: Mapping[str, str]
    seconds: int
    steps: Sequence[Step]

    @property
    def codes(self) -> list[str]:
        """Codes of all errors."""
        return sorted({code for step in self.steps for code in step.errors})

    @property
    def passed(self) -> bool:
        """Whether no request failed."""
        return not any(step.failure for step in self.steps)

    @property
    def verdict(self) -> str:
        """The one line to read: whether it passed, or what failed and why."""
        failures = [step.failure for step in self.steps if step.failure]
        return f"failed: {'; '.join(failures)}" if failures else f"passed: no request failed; {self.capacity}"

    @property
    def capacity(self) -> str:
        """The most that the service gives, if there were clients enough to tell."""
        paces = {step.clients: step.pictures_per_s for step in self.steps}
        *fewer, most = sorted(paces)
        if fewer and paces[most] <= GROWN * paces[fewer[-1]]:
            pace = f"{max(paces.values()):.1f} pictures a second"
            return f"the capacity is {pace}: {most} clients got no more than {fewer[-1]}"
        return f"the capacity was not reached: {most} clients got {paces[most]:.1f} pictures a second"

    def times(self) -> list[list[str]]:
        """The main table, headings first."""
        headings = ["clients", "pictures/s", "pictures", *MEASURES]
        return [headings, *(_row(step) for step in self.steps)]

    def errors(self) -> list[list[str]]:
        """Errors by code, headings first; headings alone if there were none."""
        headings = ["code", *(f"{step.clients} clients" for step in self.steps)]
        rows = [[code, *(str(step.errors.get(code, 0)) for step in self.steps)] for code in self.codes]
        return [headings, *rows]


def write(report: Report, out: Path) -> None:
    """Write everything into the directory `out`."""
    for earlier in plots.NAMES:
        (out / f"{earlier}.png").unlink(missing_ok=True)
    images = plots.all_of(report.steps)
    for name, png in images.items():
        (out / f"{name}.png").write_bytes(png)
    (out / "results.json").write_text(json.dumps(asdict(report), indent=2) + "\n")
    (out / "report.md").write_text(markdown(report))
    (out / "index.html").write_text(_html(report, images))


def markdown(report: Report) -> str:
    """Facts and tables."""
    facts = "\n".join(f"- {name}: {value}" for name, value in report.facts.items())
    errors = _markdown_table(report.errors()) if report.codes else "No errors."
    meanings = "\n".join(f"- {name}: {text}" for name, text in MEANINGS.items())
    how = f"Steps of {report.seconds} s; {UNIT}.\n{THINKING}."
    times = f"{how}\n\n{_markdown_table(report.times())}\n\n{meanings}"
    return f"**{_capitalised(report.verdict)}.**\n\n{facts}\n\n{times}\n\n{errors}\n"


def _row(step: Step) -> list[str]:
    times = [" / ".join(map(_ms, step.times_ms[name])) for name in MEASURES]
    return [str(step.clients), f"{step.pictures_per_s:.1f}", str(step.pictures), *times]


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _markdown_table(rows: Sequence[Sequence[str]]) -> str:
    headings, *others = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([headings, f"| {' | '.join('---:' for _ in rows[0])} |", *others])


def _html(report: Report, images: Mapping[str, bytes]) -> str:
    shown = "\n".join(
        f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}" alt="{name}">'
        for name, png in images.items()
    )
    facts = "".join(f"<dt>{escape(name)}<dd>{escape(value)}" for name, value in report.facts.items())
    meanings = "".join(f"<dt>{escape(name)}<dd>{escape(text)}" for name, text in MEANINGS.items())
    errors = _html_table(report.errors()) if report.codes else "<p>No errors.</p>"
    locust = ", ".join(f'<a href="locust-{step.clients}.html">{step.clients}</a>' for step in report.steps)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Load test</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }}
img {{ max-width: 100%; display: block }}
table {{ border-collapse: collapse; margin: 1rem 0 }}
th, td {{ text-align: right; padding: .2rem .7rem; border-bottom: 1px solid #ddd; white-space: nowrap }}
dt {{ font-weight: 600 }}
dd {{ margin: 0 0 .4rem 1rem }}
</style>
<h1>Load test</h1>
<p><strong>{escape(_capitalised(report.verdict))}.</strong></p>
<dl>{facts}</dl>
{shown}
<h2>Times</h2>
<p>Steps of {report.seconds} s; {UNIT}. {THINKING}.</p>
{_html_table(report.times())}
<dl>{meanings}</dl>
<h2>Errors</h2>
{errors}
<p>Locust's own reports, by number of clients: {locust}.
All figures: <a href="results.json">results.json</a>.</p>
"""


def _html_table(rows: Sequence[Sequence[str]]) -> str:
    headings = "".join(f"<th>{escape(cell)}" for cell in rows[0])
    cells = "".join("<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) for row in rows[1:])
    return f"<table><tr>{headings}{cells}</table>"
