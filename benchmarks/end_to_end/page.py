"""The part of docs/PERFORMANCE.md that this benchmark owns."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import ge, le
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.end_to_end.results import Results
from benchmarks.end_to_end.service import BACKLOGS
from benchmarks.harness.figures import DOCS, median_ratio, medians, replaced, table
from benchmarks.harness.inputs import PLAIN_PILLOW, SAME_FUNCTION
from benchmarks.scenarios.worker import cpu_ms

BEGIN, END = "<!-- bench-e2e -->", "<!-- /bench-e2e -->"
NOTES = Path(__file__).with_name("notes.md")
MET = {True: "met", False: "**not met**", None: "not measured"}
CACHE = {False: "off", True: "on"}
FORMATS = ("jpeg", "png")
ALONE = 0.9
"""Of the cores, that the bare loop uses on a quiet machine."""


class Target(NamedTuple):
    """A limit to the median of a round's figures. `before` is of 2026-11-25, where it was measured."""

    figures: Sequence[float]
    compare: Callable[[float, float], bool]
    limit: float
    shown: str
    before: str = ""

    @property
    def figure(self) -> str:
        """Empty: not measured."""
        return self.shown.format(median(self.figures)) if self.figures else ""

    @property
    def met(self) -> bool | None:
        return self.compare(median(self.figures), self.limit) if self.figures else None


def write(results: Results, docs: Path = DOCS) -> None:
    page = docs / "PERFORMANCE.md"
    page.write_text(replaced(page.read_text(), BEGIN, END, sections(results)))


def sections(results: Results) -> str:
    return "\n\n".join([*_head(results), *_service(results), *_contest(results)])


def targets(results: Results) -> Mapping[str, Target]:
    def drained(image_format: str, cached: bool) -> list[float]:
        return [row["per_s"] / row["bare_per_s"] for row in _undisturbed(results, image_format, cached)]

    def origins(way: str) -> list[float]:
        return [row[way] / row["at_once"] for row in results.rows("origins")]

    def dearer(backlog: tuple[int, int], other: tuple[int, int]) -> list[float]:
        """In per cent."""
        ones, others = (
            [cpu_ms(row) + row["redis"] for row in results.rows("backlog", waiting=waiting, keys=keys)]
            for waiting, keys in (backlog, other)
        )
        return [100 * (one / another - 1) for one, another in zip(ones, others, strict=False)]

    around = [row["cpu_ms"] - row["bare_cpu_ms"] for row in _undisturbed(results, "jpeg", cached=False)]
    paces: dict[str, list[float]] = {}
    for row in results.rows("rates", workload="one-base-jpeg"):
        paces.setdefault(row["contestant"], []).append(row["per_s"])
    ours = paces.pop("shipped", [])
    peer = max(paces, key=lambda name: median(paces[name]), default="")
    faster = [median_ratio(ours, paces[peer])] if ours and peer else []
    few, many, of_many_keys = BACKLOGS
    return {
        "Drained, cache off, JPEG: at least 0.80 of the bare loop": Target(
            drained("jpeg", False), ge, 0.80, "{:.2f}", "0.48"
        ),
        "Drained, cache off, PNG: at least 0.75": Target(drained("png", False), ge, 0.75, "{:.2f}", "0.40"),
        "Drained, cache on, JPEG: at least 0.65 of a bare loop with the same cache": Target(
            drained("jpeg", True), ge, 0.65, "{:.2f}"
        ),
        "CPU around a picture, cache off, JPEG: at most 3.0 ms": Target(
            around, le, 3.0, "{:.1f} ms", "9.2 ms"
        ),
        "250 ms of latency on each input: at least 0.9 of the throughput": Target(
            origins("delayed"), ge, 0.9, "{:.2f}", "0.68"
        ),
        "A job with 100,000 waiting costs within 5 % of one with 10 (CPU)": Target(
            dearer(many, few), le, 5, "{:+.1f} %", "+12.7 %"
        ),
        "A job with 100,000 waiting of 1,000 keys costs within 5 % of one key's": Target(
            dearer(of_many_keys, many), le, 5, "{:+.1f} %"
        ),
        "One base under a thousand logos, JPEG: at least 2.2 x the fastest peer": Target(
            faster, ge, 2.2, f"{{:.2f}} x {peer}", "1.47 x"
        ),
        "Idle service: POST to COMPLETED p50 of a small job at most 13 ms": Target(
            results.column("idle", "p50_ms"), le, 13, "{:.1f} ms", "13 ms"
        ),
        "One origin in ten answers after 5 s: at least 0.95 of the throughput for the rest": Target(
            origins("beside"), ge, 0.95, "{:.2f}"
        ),
        "A fast request beside another key's 40 from a 9 s origin, 2 workers: within 2 s": Target(
            results.column("other_key", "s"), le, 2, "{:.2f} s"
        ),
    }


def _head(results: Results) -> Iterator[str]:
    run = results.data["run"]
    yield "## Against what one would build instead"
    yield textwrap.fill(
        f"`make bench-e2e` wrote this part: {run['at']}, commit {run['commit']}, {run['machine']}, "
        f"load average before it {run['load']}, {run['redis']}, {run['versions']}.",
        120,
        break_on_hyphens=False,
    )
    yield NOTES.read_text().strip()
    yield "### Speed to reach"
    rows = [(text, each.before, each.figure, MET[each.met]) for text, each in targets(results).items()]
    yield table(("", "before", "measured", ""), rows)


def _service(results: Results) -> Iterator[str]:
    if tried := len(list(results.rows("drained"))):
        yield "### The seed example from a full queue"
        heads = ("workers", "pictures/s", "bare loop", "ratio", "CPU ms a picture", "bare loop", "around it")
        yield table(("to, cache of decoded inputs", *heads), _drained(results))
        kept = sum(len(_undisturbed(results, each, cached)) for each in FORMATS for cached in CACHE)
        if kept < tried:
            yield f"Left out: {tried - kept} of {tried} measurements in which others used the cores."
    if any(results.rows("backlog")):
        yield "### A job that does nothing, enqueued and worked off while others wait"
        rows = []
        for waiting, keys in BACKLOGS:
            here = results.rows("backlog", waiting=waiting, keys=keys)
            figures = medians((cpu_ms(row), row["redis"], row["wall"]) for row in here)
            rows.append([f"{waiting:,}", f"{keys:,}", *(f"{each:.2f}" for each in figures)])
        yield table(("waiting", "of keys", "CPU ms a job", "Redis's", "elapsed"), rows)


def _undisturbed(results: Results, image_format: str, cached: bool) -> list[dict[str, Any]]:
    """The rounds in which the bare loop had the cores to itself; a ratio to it says nothing in the others."""
    rows = results.rows("drained", format=image_format, cached=cached)
    return [row for row in rows if row["bare_per_s"] * row["bare_cpu_ms"] > 1000 * ALONE * row["cores"]]


def _drained(results: Results) -> Iterator[list[str]]:
    for cached, shown in CACHE.items():
        for image_format in FORMATS:
            if rows := _undisturbed(results, image_format, cached):
                paces = [(row["per_s"], row["bare_per_s"]) for row in rows]
                cpu = [(row["cpu_ms"], row["bare_cpu_ms"]) for row in rows]
                around = median(ours - bare for ours, bare in cpu)
                yield [
                    f"{image_format.upper()}, {shown}",
                    str(rows[0]["workers"]),
                    *(f"{each:.1f}" for each in medians(paces)),
                    f"{median_ratio(*zip(*paces, strict=True)):.2f}",
                    *(f"{each:.1f}" for each in (*medians(cpu), around)),
                ]


def _contest(results: Results) -> Iterator[str]:
    contestants = list(results.rows("contestants"))
    workers = {row["name"]: row for row in results.rows("workers")}
    for workload in SAME_FUNCTION + PLAIN_PILLOW:
        rows = []
        for each in contestants:
            name = each["name"]
            rates = results.rows("rates", contestant=name, workload=workload.name)
            if figures := medians((row["per_s"], row["cpu_ms"], row["redis_ms"]) for row in rates):
                best = str(workers[name]["best"])
                rows.append([each["label"], best, *(f"{figure:.1f}" for figure in figures)])
        if rows:
            yield f"### {workload.title}"
            yield table(("", "workers", "pictures/s", "CPU ms a picture", "Redis's"), rows)
    if faults := list(results.rows("faults")):
        yield "\n".join(f"- {each['contestant']} is left out from here on: {each['text']}" for each in faults)
    if contestants:
        yield "### Workers, memory and versions"
        heads = ("", "workers", "tried: pictures/s with 1 / 2 / 3 / 4", "MB resident", "versions")
        rows = []
        for each in contestants:
            tried = workers.get(each["name"], {"best": "", "per_s": {}})
            paces = " / ".join(f"{per_s:.0f}" for per_s in tried["per_s"].values())
            mb = [value for value in results.column("resident", "mb", contestant=each["name"]) if value]
            resident = f"{median(mb):.0f}" if mb else ""
            rows.append([each["label"], str(tried["best"]), paces, resident, each["versions"]])
        yield table(heads, rows)
