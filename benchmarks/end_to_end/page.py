"""The part of docs/PERFORMANCE.md that this benchmark owns."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.end_to_end.growth import BACKLOGS
from benchmarks.end_to_end.results import Results
from benchmarks.end_to_end.targets import bytes_each, growth_percent, rates, targets
from benchmarks.harness.figures import DOCS, median_ratio, percentile, replaced, table
from benchmarks.harness.inputs import PLAIN_PILLOW, SAME_FUNCTION, Workload
from benchmarks.scenarios import worker

BEGIN, END = "<!-- bench-e2e -->", "<!-- /bench-e2e -->"
NOTES = Path(__file__).with_name("notes.md")
MET = {True: "met", False: "**not met**", None: "not measured"}
SHORT = {"ours": "Superimpose, no cache", "shipped": "Superimpose"}
COLOURS = {"api": "#2563eb", "workers": "#16a34a", "children": "#dc2626"}


def write(results: Results, docs: Path = DOCS) -> None:
    """Replace our part, and those of our plots that there are figures for."""
    page = docs / "PERFORMANCE.md"
    page.write_text(replaced(page.read_text(), BEGIN, END, sections(results)))
    if any(results.rows("rates")):
        (docs / "performance-peers.png").write_bytes(_plot_of_peers(results))
    if any(results.rows("memory")):
        (docs / "performance-memory.png").write_bytes(_plot_of_memory(results))


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
        rows.append((each["label"], f"{median(mb):.0f}" if mb else "", each["versions"]))
    yield table(("", "MB resident", "versions"), rows)


def _workload(results: Results, workload: Workload) -> str:
    """Beside the bare loop where all do the same work."""
    beside = any(results.rows("paced", workload=workload.name))
    heads, rows = ["", "pictures/s", "CPU ms a picture", "Redis's"], []
    if beside:
        heads += ["of the bare loop", "p50 ms", "p99 ms"]
        bare = median(results.column("rates", "bare_per_s", workload=workload.name))
        rows.append(["the bare loop", f"{bare:.1f}", "", "", "1.00", "", ""])
    for each in results.rows("contestants"):
        about = {"contestant": each["name"], "workload": workload.name}
        if per_s := rates(results, **about):
            cpu, redis = (median(rates(results, **about, column=name)) for name in ("cpu_ms", "redis_ms"))
            row = [each["label"], f"{median(per_s):.1f}", f"{cpu:.1f}", f"{redis:.1f}"]
            if beside:
                row.append(f"{median_ratio(per_s, rates(results, **about, column='bare_per_s')):.2f}")
                ms = results.pooled("paced", "ms", **about)
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
        delayed, at_once = (median(results.column("slow_origin", name)) for name in ("delayed", "at_once"))
        yield f"- inputs that come at once: {at_once:.1f} pictures a second; 250 ms later: {delayed:.1f}"


def _growth(results: Results) -> Iterator[str]:
    if not any(results.rows("backlog")):
        return
    yield "## Growth"
    yield "A job that does nothing, enqueued and worked off while others wait:"
    rows = []
    for waiting in BACKLOGS:
        if costs := list(results.rows("backlog", waiting=waiting)):
            parts = [
                map(worker.cpu_ms, costs),
                *([cost[part] for cost in costs] for part in ("redis", "wall")),
            ]
            rows.append((f"{waiting:,}", *(f"{median(part):.2f}" for part in parts)))
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


def _plot_of_peers(results: Results) -> bytes:
    """Pictures per second of all, workload by workload."""
    from benchmarks.harness.plots import bars, png, subplots

    figure, panels = subplots(3, 2, (10, 9))
    for panel, workload in zip(panels, SAME_FUNCTION + PLAIN_PILLOW, strict=True):
        per_s = {
            SHORT.get(each["name"], each["label"]): median(measured)
            for each in results.rows("contestants")
            if (measured := rates(results, each["name"], workload.name))
        }
        bars(panel, per_s, SHORT.values(), "pictures per second")
        title = workload.title.replace(", ", ",\n", 1).replace(" in the peers' workers", "")
        panel.set_title(title, fontsize=9)
    return png(figure)


def _plot_of_memory(results: Results) -> bytes:
    from benchmarks.harness.plots import plain, png, subplots

    figure, [panel] = subplots(1, 1, (8, 3))
    for kind, colour in COLOURS.items():
        panel.plot(results.column("memory", "jobs"), results.column("memory", kind), color=colour, label=kind)
    panel.set(xlabel="jobs done", ylabel="MB resident", ylim=(0, None))
    panel.legend(frameon=False, ncols=3)
    plain(panel)
    return png(figure)
