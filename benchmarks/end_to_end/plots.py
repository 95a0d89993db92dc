"""The plots of docs/PERFORMANCE.md."""

from pathlib import Path
from statistics import median

from matplotlib.figure import Figure

from benchmarks.end_to_end.results import Results
from benchmarks.end_to_end.targets import OURS, SHIPPED, rates
from benchmarks.harness.plots import bars, plain, png
from benchmarks.harness.workloads import PLAIN_PILLOW, SAME_FUNCTION

SHORT = {OURS: "Superimpose, no cache", SHIPPED: "Superimpose"}
COLOURS = {"api": "#2563eb", "workers": "#16a34a", "children": "#dc2626"}


def draw(results: Results, folder: Path) -> None:
    """Write those that there are figures for."""
    if any(results.rows("rates")):
        (folder / "performance-peers.png").write_bytes(peers(results))
    if any(results.rows("memory")):
        (folder / "performance-memory.png").write_bytes(memory(results))


def peers(results: Results) -> bytes:
    """Pictures per second of all, workload by workload."""
    figure = Figure(figsize=(10, 9), layout="constrained")
    for panel, workload in zip(figure.subplots(3, 2).flat, SAME_FUNCTION + PLAIN_PILLOW, strict=True):
        per_s = {
            SHORT.get(each["name"], each["label"]): median(measured)
            for each in results.rows("contestants")
            if (measured := rates(results, each["name"], workload.name))
        }
        bars(panel, per_s, SHORT.values(), "pictures per second")
        title = workload.title.replace(", ", ",\n", 1).replace(" in the peers' workers", "")
        panel.set_title(title, fontsize=9)
    return png(figure)


def memory(results: Results) -> bytes:
    """Resident memory of the processes over the jobs."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    panel = figure.subplots()
    for kind, colour in COLOURS.items():
        panel.plot(results.column("memory", "jobs"), results.column("memory", kind), color=colour, label=kind)
    panel.set(xlabel="jobs done", ylabel="MB resident", ylim=(0, None))
    panel.legend(frameon=False, ncols=3)
    plain(panel)
    return png(figure)
