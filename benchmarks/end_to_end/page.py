"""The sections of docs/PERFORMANCE.md that this benchmark owns; whatever else stands there stays."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.end_to_end import plots
from benchmarks.end_to_end.contestants import ROOT
from benchmarks.end_to_end.growth import BACKLOGS
from benchmarks.end_to_end.results import Results
from benchmarks.end_to_end.targets import bytes_each, growth_percent, rates, targets, tax_ms
from benchmarks.harness.figures import median_ratio, percentile
from benchmarks.harness.workloads import PLAIN_PILLOW, SAME_FUNCTION, Scenario

PAGE = ROOT / "docs" / "PERFORMANCE.md"
BEGIN, END = "<!-- bench-e2e -->", "<!-- /bench-e2e -->"
TITLE = "# How fast the service is\n"
NOTES = Path(__file__).with_name("notes.md")
MET = {True: "met", False: "**not met**", None: "not measured"}


def write(results: Results) -> None:
    """Replace our sections and plots."""
    plots.draw(results, PAGE.parent)
    text = PAGE.read_text() if PAGE.exists() else TITLE
    PAGE.write_text(replaced(text, sections(results)))


def replaced(text: str, ours: str) -> str:
    """`text` with what is between our marks replaced, or with our part at its end."""
    before, found, rest = text.partition(BEGIN)
    after = rest.partition(END)[2] if found else ""
    return f"{before.rstrip()}\n\n{BEGIN}\n{ours}\n{END}\n{after.lstrip()}".rstrip() + "\n"


def sections(results: Results) -> str:
    """All of it."""
    parts = [*_contest(results), *_targets(results), *_of_the_service(results), *_growth(results)]
    return "\n\n".join(parts)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown; all columns but the first are figures."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _contest(results: Results) -> Iterator[str]:
    run, rounds = results.run, len(set(results.column("rates", "round")))
    yield "## Against what one would build instead"
    yield textwrap.fill(
        f"`make bench-e2e` wrote this part: {run['at']}, commit {run['commit']}, {run['machine']}, "
        f"load average before it {run['load']}, "
        f"{run['system']}, Redis {run['redis']}, {run['versions']}.",
        120,
        break_on_hyphens=False,
    )
    if not rounds:
        return
    yield NOTES.read_text().strip().format(rounds=rounds)
    yield "![Pictures per second](performance-peers.png)"
    for scenario in SAME_FUNCTION + PLAIN_PILLOW:
        yield f"### {scenario.title}"
        yield _scenario(results, scenario)
    if faults := list(results.rows("faults")):
        yield "\n".join(f"- {fault['who']} was left out from here on: {fault['text']}" for fault in faults)
    yield "### Memory and versions"
    yield table(
        ("", "MB resident", "versions"),
        [
            (
                each["label"],
                _median(results.column("resident", "mb", contestant=each["name"])),
                each["versions"],
            )
            for each in results.rows("contestants")
        ],
    )


def _scenario(results: Results, scenario: Scenario) -> str:
    """One scenario's table; beside the bare loop where all do the same work."""
    beside = any(results.rows("paced", scenario=scenario.name))
    heads = ["", "pictures/s", "CPU ms a picture"]
    rows = []
    if beside:
        heads += ["of the bare loop", "p50 ms", "p99 ms"]
        bare = median(results.column("rates", "bare_per_s", scenario=scenario.name))
        rows.append(["the bare loop", f"{bare:.1f}", "", "1.00", "", ""])
    for each in results.rows("contestants"):
        if per_s := rates(results, each["name"], scenario.name):
            cpu = median(rates(results, each["name"], scenario.name, "cpu_ms"))
            row = [each["label"], f"{median(per_s):.1f}", f"{cpu:.1f}"]
            rows.append(row + (_beside_bare_loop(results, each["name"], scenario) if beside else []))
    return table(heads, rows)


def _beside_bare_loop(results: Results, name: str, scenario: Scenario) -> list[str]:
    columns = (rates(results, name, scenario.name, column) for column in ("per_s", "bare_per_s"))
    return [f"{median_ratio(*columns):.2f}", *_percentiles(results, name, scenario)]


def _percentiles(results: Results, name: str, scenario: Scenario) -> list[str]:
    waits = results.pooled("paced", "ms", contestant=name, scenario=scenario.name)
    return [f"{percentile(waits, 50):.0f}", f"{percentile(waits, 99):.0f}"] if waits else ["", ""]


def _median(values: Sequence[float]) -> str:
    return f"{median(values):.0f}" if values else ""


def _targets(results: Results) -> Iterator[str]:
    yield "## Targets"
    rows = [(each.text, each.figure, MET[each.met]) for each in targets(results)]
    yield table(("speed to reach", "measured", ""), rows)


def _of_the_service(results: Results) -> Iterator[str]:
    labels = {"ours": "Superimpose", "simple": "RQ SimpleWorker", "forking": "RQ Worker, forking"}
    parts = ("enqueue", "work", "child", "redis", "wall")
    if any(results.rows("queue_tax")):
        yield "### A job that does nothing, ms"
        yield (
            "Processor time of who enqueues, of the worker and of its child, together without Redis; then\n"
            "Redis's, and the time a job takes from the queue to its end, which `appendfsync always` decides."
        )
        rows = []
        for kind, label in labels.items():
            of_kind = list(results.rows("queue_tax", kind=kind))
            figures = [median(row[part] for row in of_kind) for part in parts]
            together = median(map(tax_ms, of_kind))
            rows.append((label, f"**{together:.2f}**", *[f"{figure:.2f}" for figure in figures]))
        yield table(("", "together", "enqueue", "worker", "child", "Redis", "elapsed"), rows)
    if any(results.rows("status")):
        yield "### Calls"
        yield "\n".join(_calls(results))


def _calls(results: Results) -> Iterator[str]:
    ours, bare = (results.column("status", name) for name in ("ours", "bare"))
    busy = [100 * median(share) for share in zip(*results.column("status", "busy"), strict=True)]
    yield (
        f"- status: {median(ours):,.0f} calls a second, a bare Starlette route {median(bare):,.0f};\n"
        f"  the server used {busy[0]:.0f} and {busy[1]:.0f} % of the core that it had to itself"
    )
    if any(results.rows("response_times")):
        rate = median(results.column("response_times", "saturated_per_s"))
        for column, text in (
            ("submit_ms", f"submit at {rate / 2:.0f} a second, half of what saturates the workers"),
            ("status_ms", "status, 50 a second while the workers are saturated"),
        ):
            waits = results.pooled("response_times", column)
            yield f"- {text}: p50 {percentile(waits, 50):.1f} ms, p99 {percentile(waits, 99):.1f} ms"
    if any(results.rows("slow_origin")):
        delayed, at_once = (results.column("slow_origin", name) for name in ("delayed", "at_once"))
        yield (
            f"- inputs that come at once: {median(at_once):.1f} pictures a second; "
            f"250 ms later: {median(delayed):.1f}"
        )


def _growth(results: Results) -> Iterator[str]:
    yield "## Growth"
    if not any(results.rows("backlog")):
        return
    yield "A job that does nothing, enqueued and worked off while others wait:"
    rows = [
        (f"{waiting:,}", *[_figure(results, waiting, part) for part in ("cpu", "redis", "wall")])
        for waiting in BACKLOGS
    ]
    yield table(("waiting", "CPU ms a job", "Redis's", "elapsed"), rows)
    waiting, finished = (bytes_each(results, state) for state in ("waiting", "finished"))
    if waiting and finished:
        yield (
            f"Redis: {waiting:,.0f} bytes for a request that waits, {finished:,.0f} for one that has\n"
            "finished, once RQ's own copy is gone after a minute."
        )
    if any(results.rows("memory")):
        said = ", ".join(f"{kind} {grown:+.1f} %" for kind, grown in growth_percent(results).items())
        yield (
            "Resident memory over 20,000 jobs, 200 in flight, two workers, no child replaced; from the\n"
            f"2,000th job to the last: {said}."
        )
        yield "![Resident memory over 20,000 jobs](performance-memory.png)"


def _figure(results: Results, waiting: int, part: str) -> str:
    figures = results.column("backlog", part, waiting=waiting)
    return f"{median(figures):.2f}" if figures else ""
