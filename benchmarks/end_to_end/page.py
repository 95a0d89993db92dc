"""Writes this benchmark's part of docs/PERFORMANCE.md."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from operator import ge, le
from statistics import median
from typing import Any, NamedTuple

from benchmarks.end_to_end.parts import BACKLOGS
from benchmarks.end_to_end.results import Results
from benchmarks.harness.clients import PLAIN_PILLOW, SAME_FUNCTION
from benchmarks.harness.figures import median_ratio, medians, table
from benchmarks.scenarios.worker import cpu_ms

BEGIN, END = "<!-- bench-e2e -->", "<!-- /bench-e2e -->"
MET = {True: "met", False: "**not met**", None: "not measured"}
CACHE = {False: "off", True: "on"}
FORMATS = ("jpeg", "png")
MS, S, MORE = "{:.1f} ms", "{:.2f} s", "{:+.1f} %"
WORKLOADS = SAME_FUNCTION + PLAIN_PILLOW
LEGEND = """\
"seed": the example, with our compositor in all; "all new": each picture another, "logos": one base under a
thousand logos, both with plain Pillow in the peers. MB: resident."""
QUIET_SHARE = 0.9
"""Share of the cores that the bare loop uses on a quiet machine."""


class Target(NamedTuple):
    """A limit for the median of the rounds' figures. `before` is the figure of 2026-11-25, if measured."""

    text: str
    before: str
    figures: Sequence[float]
    compare: Callable[[float, float], bool]
    limit: float
    shown: str = "{:.2f}"

    @property
    def figure(self) -> str:
        """Empty if not measured."""
        return self.shown.format(median(self.figures)) if self.figures else ""

    @property
    def met(self) -> bool | None:
        return self.compare(median(self.figures), self.limit) if self.figures else None


def sections(results: Results) -> str:
    return "\n\n".join([*_head(results), *_service(results), *_contest(results)])


def targets(results: Results) -> list[Target]:
    def drained(image_format: str, cached: bool) -> list[float]:
        return [row["per_s"] / row["bare_per_s"] for row in _undisturbed(results, image_format, cached)]

    def origins(column: str) -> list[float]:
        return [row[column] / row["at_once"] for row in results.rows("origins")]

    few, many, of_many_keys = (
        [cpu_ms(row) + row["redis"] for row in results.rows("backlog", waiting=waiting, keys=keys)]
        for waiting, keys in BACKLOGS
    )
    more, keys_more = (
        [100 * (one / other - 1) for one, other in zip(ones, others, strict=False)]
        for ones, others in ((many, few), (of_many_keys, many))
    )

    overhead = [row["cpu_ms"] - row["bare_cpu_ms"] for row in _undisturbed(results, "jpeg", cached=False)]
    paces: dict[str, list[float]] = {}
    for row in results.rows("rates", workload="one-base-jpeg"):
        paces.setdefault(row["contestant"], []).append(row["per_s"])
    ours = paces.pop("shipped", [])
    peer = max(paces, key=lambda name: median(paces[name]), default="")
    faster = [median_ratio(ours, paces[peer])] if ours and peer else []
    idle = [row["p50_ms"] for row in results.rows("idle")]
    other_key = [row["s"] for row in results.rows("other_key")]
    jpeg, png, times = drained("jpeg", False), drained("png", False), f"{{:.2f}} x {peer}"
    return [
        Target("Full queue, cache off, JPEG: at least 0.80 of the bare loop", "0.48", jpeg, ge, 0.80),
        Target("Full queue, cache off, PNG: at least 0.75", "0.40", png, ge, 0.75),
        Target("Full queue, cache on, JPEG: at least 0.65", "", drained("jpeg", True), ge, 0.65),
        Target("CPU difference, cache off, JPEG: at most 3.0 ms", "9.2 ms", overhead, le, 3.0, MS),
        Target("250 ms of latency on each input: at least 0.9 of the pace", "", origins("delayed"), ge, 0.9),
        Target("100,000 waiting instead of 10: at most 5 % more CPU a job", "+12.7 %", more, le, 5, MORE),
        Target("100,000 waiting of 1,000 keys instead of one: at most 5 % more", "", keys_more, le, 5, MORE),
        Target("A thousand logos, JPEG: at least 2.2 x the fastest peer", "1.47 x", faster, ge, 2.2, times),
        Target("Idle: POST to COMPLETED of a small job, p50 at most 13 ms", "13 ms", idle, le, 13, MS),
        Target("One origin in ten takes 5 s: at least 0.95 of the pace", "", origins("beside"), ge, 0.95),
        Target("A request beside another key's 40 from a 9 s origin: within 2 s", "", other_key, le, 2, S),
    ]


def _head(results: Results) -> Iterator[str]:
    run = results.data["run"]
    yield textwrap.fill(
        f"`make bench-e2e`, {run['at']}, commit {run['commit']}, {run['machine']}, "
        f"load average {run['load']}, {run['redis']}, {_versions(results)}.",
        120,
        break_on_hyphens=False,
    )
    yield "### Targets"
    rows = [(each.text, each.before, each.figure, MET[each.met]) for each in targets(results)]
    yield table(("", "before", "measured", ""), rows)


def _versions(results: Results) -> str:
    """The versions of the service, and those of the peers that differ."""
    shown = results.data["run"]["versions"].split(", ")
    for contestant in results.rows("contestants"):
        name, *others = [each for each in contestant["versions"].split(", ") if each not in shown] or [""]
        shown += [f"{name} ({', '.join(others)})" if others else name] if name else []
    return ", ".join(shown)


def _service(results: Results) -> Iterator[str]:
    if measured := len(results.rows("drained")):
        yield "### From a full queue"
        heads = ("workers", "pictures/s", "bare loop", "ratio", "CPU ms", "bare loop", "difference")
        yield table(("cache of decoded inputs", *heads), _drained(results))
        undisturbed = sum(len(_undisturbed(results, each, cached)) for each in FORMATS for cached in CACHE)
        if undisturbed < measured:
            left_out = f"Left out: {measured - undisturbed} of {measured} measurements"
            yield f"{left_out}, with other load on the cores."
    if results.rows("backlog"):
        yield "### An empty job while others wait"
        rows = []
        for waiting, keys in BACKLOGS:
            here = results.rows("backlog", waiting=waiting, keys=keys)
            figures = medians((cpu_ms(row), row["redis"], row["wall"]) for row in here)
            rows.append([f"{waiting:,}", f"{keys:,}", *(f"{each:.2f}" for each in figures)])
        yield table(("waiting", "of keys", "CPU ms", "Redis's", "elapsed"), rows)


def _undisturbed(results: Results, image_format: str, cached: bool) -> list[dict[str, Any]]:
    """The rounds in which the bare loop had the cores to itself; in others the ratio is meaningless."""
    rows = results.rows("drained", format=image_format, cached=cached)
    return [row for row in rows if row["bare_per_s"] * row["bare_cpu_ms"] > 1000 * QUIET_SHARE * row["cores"]]


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
    if results.rows("rates"):
        workers = {row["name"]: row["best"] for row in results.rows("workers")}
        paces, costs = [], []
        for each in results.rows("contestants"):
            name, label = each["name"], each["label"]
            mb = [row["mb"] for row in results.rows("resident", contestant=name) if row["mb"]]
            figures = [_rates(results, name, workload.name) for workload in WORKLOADS]
            per_s = [f"{row[0]:.1f}" if row else "" for row in figures]
            paces.append([label, str(workers[name]), f"{median(mb):.0f}" if mb else "", *per_s])
            costs.append([label, *(f"{row[1]:.1f}+{row[2]:.1f}" if row else "" for row in figures)])
        columns = [workload.title for workload in WORKLOADS]
        yield "### Pictures a second"
        yield LEGEND
        yield table(("", "workers", "MB", *columns), paces)
        yield "### CPU ms a picture, and Redis's"
        yield table(("", *columns), costs)
    if faults := results.rows("faults"):
        yield "\n".join(f"- {each['contestant']} failed and is left out: {each['text']}" for each in faults)


def _rates(results: Results, contestant: str, workload: str) -> list[float]:
    """Pictures a second, CPU ms, and CPU ms of Redis; empty if not measured."""
    rates = results.rows("rates", contestant=contestant, workload=workload)
    return medians((row["per_s"], row["cpu_ms"], row["redis_ms"]) for row in rates)
