"""The part of docs/PERFORMANCE.md that this benchmark owns."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.end_to_end.growth import BACKLOGS
from benchmarks.end_to_end.results import Results
from benchmarks.end_to_end.targets import bytes_each, growth_percent, rates, targets
from benchmarks.harness.figures import median_ratio, percentile
from benchmarks.harness.page import DOCS, replaced, table
from benchmarks.harness.workloads import PLAIN_PILLOW, SAME_FUNCTION, Workload
from benchmarks.no_op import cpu_ms
from benchmarks.scenarios import worker

BEGIN, END = "<!-- bench-e2e -->", "<!-- /bench-e2e -->"
NOTES = Path(__file__).with_name("notes.md")
MET = {True: "met", False: "**not met**", None: "not measured"}


def write(results: Results, docs: Path = DOCS) -> None:
    """Replace our part and our plots."""
    from benchmarks.end_to_end import plots

    page = docs / "PERFORMANCE.md"
    page.write_text(replaced(page.read_text(), BEGIN, END, sections(results)))
    plots.draw(results, docs)


def sections(results: Results) -> str:
    parts = [*_contest(results), *_targets(results), *_of_the_service(results), *_growth(results)]
    return "\n\n".join(parts)


def _contest(results: Results) -> Iterator[str]:
    run, rounds = results.run, len(set(results.column("rates", "round")))
    yield "## Against what one would build instead"
    yield textwrap.fill(
        f"`make bench-e2e` wrote this part: {run['at']}, commit {run['commit']}, {run['machine']}, "
        f"load average before it {run['load']}, {run['redis']}, {run['versions']}.",
        120,
        break_on_hyphens=False,
    )
    if not rounds:
        return
    yield NOTES.read_text().strip().format(rounds=rounds)
    yield "![Pictures per second](performance-peers.png)"
    for workload in SAME_FUNCTION + PLAIN_PILLOW:
        yield f"### {workload.title}"
        yield _workload(results, workload)
    if faults := list(results.rows("faults")):
        yield "\n".join(f"- {each['contestant']} is left out from here on: {each['text']}" for each in faults)
    yield "### Memory and versions"
    rows = []
    for each in results.rows("contestants"):
        mb = [value for value in results.column("resident", "mb", contestant=each["name"]) if value]
        resident = f"{median(mb):.0f}" if mb else ""
        rows.append((each["label"], str(each["workers"]), resident, each["versions"]))
    yield table(("", "workers", "MB resident", "versions"), rows)


def _workload(results: Results, workload: Workload) -> str:
    """Beside the bare loop where all do the same work."""
    beside = any(results.rows("paced", workload=workload.name))
    heads = ["", "pictures/s", "CPU ms a picture"]
    rows = []
    if beside:
        heads += ["of the bare loop", "p50 ms", "p99 ms"]
        bare = median(results.column("rates", "bare_per_s", workload=workload.name))
        rows.append(["the bare loop", f"{bare:.1f}", "", "1.00", "", ""])
    for each in results.rows("contestants"):
        name = each["name"]
        if per_s := rates(results, name, workload.name):
            cpu = median(rates(results, name, workload.name, "cpu_ms"))
            row = [each["label"], f"{median(per_s):.1f}", f"{cpu:.1f}"]
            if beside:
                bares = rates(results, name, workload.name, "bare_per_s")
                ms = results.pooled("paced", "ms", contestant=name, workload=workload.name)
                row.append(f"{median_ratio(per_s, bares):.2f}")
                row += [f"{percentile(ms, percent):.0f}" if ms else "" for percent in (50, 99)]
            rows.append(row)
    return table(heads, rows)


def _targets(results: Results) -> Iterator[str]:
    yield "## Targets"
    rows = [(each.text, each.figure, MET[each.met]) for each in targets(results)]
    yield table(("speed to reach", "measured", ""), rows)


def _of_the_service(results: Results) -> Iterator[str]:
    if any(results.rows("queue_tax")):
        yield "### A job that does nothing, ms"
        yield (
            "Processor time of enqueueing, of the worker and of its child, together without Redis; then\n"
            "Redis's, and the time from the queue to the end, which `appendfsync always` decides."
        )
        yield worker.shown({kind: list(results.rows("queue_tax", kind=kind)) for kind in worker.LABELS})
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
            ms = results.pooled("response_times", column)
            yield f"- {text}: p50 {percentile(ms, 50):.1f} ms, p99 {percentile(ms, 99):.1f} ms"
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
    rows = []
    for waiting in BACKLOGS:
        costs = list(results.rows("backlog", waiting=waiting))
        parts: Sequence[list[float]] = (
            [cpu_ms(cost) for cost in costs],
            *([cost[part] for cost in costs] for part in ("redis", "wall")),
        )
        rows.append((f"{waiting:,}", *(f"{median(part):.2f}" if part else "" for part in parts)))
    yield table(("waiting", "CPU ms a job", "Redis's", "elapsed"), rows)
    waiting_bytes, finished_bytes = (bytes_each(results, state) for state in ("waiting", "finished"))
    if waiting_bytes and finished_bytes:
        yield (
            f"Redis: {waiting_bytes:,.0f} bytes for a request that waits, {finished_bytes:,.0f} for one\n"
            "that has finished, once RQ's own copy is gone after a minute."
        )
    if any(results.rows("memory")):
        grown = ", ".join(f"{kind} {percent:+.1f} %" for kind, percent in growth_percent(results).items())
        yield (
            "Resident memory over 20,000 jobs, 200 in flight, two workers, no child replaced; from the\n"
            f"2,000th job to the last: {grown}."
        )
        yield "![Resident memory over 20,000 jobs](performance-memory.png)"
