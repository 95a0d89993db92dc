"""The part of docs/PERFORMANCE.md that this benchmark owns."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from operator import ge, le
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.end_to_end.results import Results
from benchmarks.end_to_end.service import BACKLOGS
from benchmarks.harness.figures import DOCS, median_ratio, replaced, table
from benchmarks.harness.inputs import PLAIN_PILLOW, SAME_FUNCTION, Workload
from benchmarks.scenarios.worker import cpu_ms

BEGIN, END = "<!-- bench-e2e -->", "<!-- /bench-e2e -->"
NOTES = Path(__file__).with_name("notes.md")
MET = {True: "met", False: "**not met**", None: "not measured"}
CACHE = {False: "off", True: "on"}
FORMATS = ("jpeg", "png")
ALONE = 0.9
"""Of the cores, that the bare loop uses on a quiet machine."""


class Target(NamedTuple):
    """A speed to reach; `figure` empty: not measured. `before` is of 2026-11-25, where it was measured."""

    text: str
    before: str
    figure: str
    met: bool | None


def write(results: Results, docs: Path = DOCS) -> None:
    page = docs / "PERFORMANCE.md"
    page.write_text(replaced(page.read_text(), BEGIN, END, sections(results)))


def sections(results: Results) -> str:
    return "\n\n".join([*_head(results), *_targets(results), *_service(results), *_contest(results)])


def targets(results: Results) -> list[Target]:
    listed: list[Target] = []

    def add(
        text: str,
        before: str,
        shown: str,
        compare: Callable[[float, float], bool],
        limit: float,
        figures: Sequence[float],
    ) -> None:
        """The median of the figures of the rounds."""
        figure = median(figures) if figures else None
        met = None if figure is None else compare(figure, limit)
        listed.append(Target(text, before, "" if figure is None else shown.format(figure), met))

    for text, before, limit, image_format, cached in (
        ("Drained, cache off, JPEG: at least 0.80 of the bare loop", "0.48", 0.80, "jpeg", False),
        ("Drained, cache off, PNG: at least 0.75", "0.40", 0.75, "png", False),
        ("Drained, cache on, JPEG: at least 0.65 of a bare loop with the same cache", "", 0.65, "jpeg", True),
    ):
        rows = _undisturbed(results, image_format, cached)
        add(text, before, "{:.2f}", ge, limit, [row["per_s"] / row["bare_per_s"] for row in rows])
    rows = _undisturbed(results, "jpeg", cached=False)
    text = "CPU around a picture, cache off, JPEG: at most 3.0 ms"
    add(text, "9.2 ms", "{:.1f} ms", le, 3.0, [row["cpu_ms"] - row["bare_cpu_ms"] for row in rows])
    slow = list(results.rows("origins"))
    ratios = [row["delayed"] / row["at_once"] for row in slow]
    add("250 ms of latency on each input: at least 0.9 of the throughput", "0.68", "{:.2f}", ge, 0.9, ratios)
    few, many, of_many_keys = (
        [cpu_ms(row) + row["redis"] for row in results.rows("backlog", waiting=waiting, keys=keys)]
        for waiting, keys in BACKLOGS
    )
    for text, before, dear, cheap in (
        ("A job with 100,000 waiting costs within 5 % of one with 10 (CPU)", "+12.7 %", many, few),
        ("A job with 100,000 waiting of 1,000 keys costs within 5 % of one key's", "", of_many_keys, many),
    ):
        dearer = [100 * (one / other - 1) for one, other in zip(dear, cheap, strict=False)]
        add(text, before, "{:+.1f} %", le, 5, dearer)
    peer = _fastest_peer(results, "one-base-jpeg")
    ours, theirs = (rates(results, name, "one-base-jpeg") for name in ("shipped", peer))
    faster = [median_ratio(ours, theirs)] if ours and theirs else []
    text = "One base under a thousand logos, JPEG: at least 2.2 x the fastest peer"
    add(text, "1.47 x", f"{{:.2f}} x {peer}", ge, 2.2, faster)
    idle = results.column("idle", "p50_ms")
    add(
        "Idle service: POST to COMPLETED p50 of a small job at most 13 ms", "13 ms", "{:.1f} ms", le, 13, idle
    )
    ratios = [row["beside"] / row["at_once"] for row in slow]
    text = "One origin in ten answers after 5 s: at least 0.95 of the throughput for the rest"
    add(text, "", "{:.2f}", ge, 0.95, ratios)
    text = "A fast request beside another key's 40 from a 9 s origin, 2 workers: within 2 s"
    add(text, "", "{:.2f} s", le, 2, results.column("other_key", "s"))
    return listed


def rates(results: Results, contestant: str, workload: str, column: str = "per_s") -> list[float]:
    """One figure of each round."""
    return results.column("rates", column, contestant=contestant, workload=workload)


def _fastest_peer(results: Results, workload: str) -> str:
    """By its median."""
    named = set(results.column("rates", "contestant", workload=workload)) - {"ours", "shipped"}
    return max(named, key=lambda name: median(rates(results, name, workload)), default="")


def _head(results: Results) -> Iterator[str]:
    run = results.run
    yield "## Against what one would build instead"
    yield textwrap.fill(
        f"`make bench-e2e` wrote this part: {run['at']}, commit {run['commit']}, {run['machine']}, "
        f"load average before it {run['load']}, {run['redis']}, {run['versions']}.",
        120,
        break_on_hyphens=False,
    )
    yield NOTES.read_text().strip()


def _targets(results: Results) -> Iterator[str]:
    yield "### Speed to reach"
    rows = [(each.text, each.before, each.figure, MET[each.met]) for each in targets(results)]
    yield table(("", "before", "measured", ""), rows)


def _service(results: Results) -> Iterator[str]:
    if any(results.rows("drained")):
        yield "### The seed example from a full queue"
        heads = ("workers", "pictures/s", "bare loop", "ratio", "CPU ms a picture", "bare loop", "around it")
        yield table(("to, cache of decoded inputs", *heads), list(_drained(results)))
        tried = len(list(results.rows("drained")))
        kept = sum(len(_undisturbed(results, each, cached)) for each in FORMATS for cached in CACHE)
        if kept < tried:
            yield f"Left out: {tried - kept} of {tried} measurements in which others used the cores."
    if any(results.rows("backlog")):
        yield "### A job that does nothing, enqueued and worked off while others wait"
        rows = []
        for waiting, keys in BACKLOGS:
            here = list(results.rows("backlog", waiting=waiting, keys=keys))
            parts = [map(cpu_ms, here), *([cost[part] for cost in here] for part in ("redis", "wall"))]
            rows.append([f"{waiting:,}", f"{keys:,}", *(f"{median(part):.2f}" for part in parts)])
        yield table(("waiting", "of keys", "CPU ms a job", "Redis's", "elapsed"), rows)


def _undisturbed(results: Results, image_format: str, cached: bool) -> list[dict[str, Any]]:
    """The rounds in which the bare loop had the cores to itself; a ratio to it says nothing in the others."""
    rows = results.rows("drained", format=image_format, cached=cached)
    return [row for row in rows if row["bare_per_s"] * row["bare_cpu_ms"] > 1000 * ALONE * row["cores"]]


def _drained(results: Results) -> Iterator[list[str]]:
    for cached, shown in CACHE.items():
        for image_format in FORMATS:
            if not (rows := _undisturbed(results, image_format, cached)):
                continue
            per_s, bare_per_s, cpu, bare_cpu = (
                [row[name] for row in rows] for name in ("per_s", "bare_per_s", "cpu_ms", "bare_cpu_ms")
            )
            around = [one - other for one, other in zip(cpu, bare_cpu, strict=True)]
            figures = (per_s, bare_per_s, cpu, bare_cpu, around)
            shown_figures = [f"{median(each):.1f}" for each in figures]
            shown_figures.insert(2, f"{median_ratio(per_s, bare_per_s):.2f}")
            yield [f"{image_format.upper()}, {shown}", str(rows[0]["workers"]), *shown_figures]


def _contest(results: Results) -> Iterator[str]:
    for workload in SAME_FUNCTION + PLAIN_PILLOW:
        if any(results.rows("rates", workload=workload.name)):
            yield f"### {workload.title}"
            yield _workload(results, workload)
    if faults := list(results.rows("faults")):
        yield "\n".join(f"- {each['contestant']} is left out from here on: {each['text']}" for each in faults)
    rows = []
    for each in results.rows("contestants"):
        [tried, *_] = [*results.rows("workers", name=each["name"]), {"best": "", "per_s": {}}]
        paces = " / ".join(f"{per_s:.0f}" for per_s in tried["per_s"].values())
        mb = [value for value in results.column("resident", "mb", contestant=each["name"]) if value]
        rows.append(
            (each["label"], str(tried["best"]), paces, f"{median(mb):.0f}" if mb else "", each["versions"])
        )
    heads = ("", "workers", "tried: pictures/s with 1 / 2 / 3 / 4", "MB resident", "versions")
    if rows:
        yield "### Workers, memory and versions"
        yield table(heads, rows)


def _workload(results: Results, workload: Workload) -> str:
    rows = []
    for each in results.rows("contestants"):
        about = {"contestant": each["name"], "workload": workload.name}
        if rates(results, **about):
            figures = [
                median(rates(results, **about, column=name)) for name in ("per_s", "cpu_ms", "redis_ms")
            ]
            [tried] = results.rows("workers", name=each["name"])
            rows.append([each["label"], str(tried["best"]), *(f"{figure:.1f}" for figure in figures)])
    return table(("", "workers", "pictures/s", "CPU ms a picture", "Redis's"), rows)
