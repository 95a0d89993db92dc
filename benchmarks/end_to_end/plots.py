"""The plots of docs/PERFORMANCE.md."""

from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.end_to_end.results import Results
from benchmarks.end_to_end.targets import OURS, SHIPPED, rates
from benchmarks.harness.workloads import PLAIN_PILLOW, SAME_FUNCTION

BLUE, GREY = "#2563eb", "#b8bcc4"
SHORT = {OURS: "Superimpose, no cache", SHIPPED: "Superimpose"}
COLOURS = {"api": "#2563eb", "workers": "#16a34a", "children": "#dc2626"}


def draw(results: Results, folder: Path) -> None:
    """Write those that there are figures for."""
    import matplotlib as mpl

    mpl.use("agg")
    if any(results.rows("rates")):
        peers(results, folder / "performance-peers.png")
    if any(results.rows("memory")):
        memory(results, folder / "performance-memory.png")


def peers(results: Results, path: Path) -> None:
    """Pictures per second of all, scenario by scenario."""
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(3, 2, figsize=(10, 9), layout="constrained")
    for panel, scenario in zip(panels.flat, SAME_FUNCTION + PLAIN_PILLOW, strict=True):
        per_s = {
            each["name"]: median(measured)
            for each in results.rows("contestants")
            if (measured := rates(results, each["name"], scenario.name))
        }
        labels = {each["name"]: each["label"] for each in results.rows("contestants")}
        ordered = sorted(per_s, key=per_s.__getitem__)
        bars = panel.barh(
            [SHORT.get(name, labels[name]) for name in ordered],
            [per_s[name] for name in ordered],
            color=[BLUE if name in SHORT else GREY for name in ordered],
        )
        panel.bar_label(bars, fmt="%.0f" if max(per_s.values(), default=0) > 20 else "%.1f", padding=3)
        panel.set_title(
            scenario.title.replace(", ", ",\n", 1).replace(" in the peers' workers", ""), fontsize=9
        )
        _plain(panel)
        panel.set_xlabel("pictures per second")
    figure.savefig(path, dpi=90)


def memory(results: Results, path: Path) -> None:
    """Resident memory of the processes over the jobs."""
    from matplotlib import pyplot

    figure, panel = pyplot.subplots(figsize=(8, 3), layout="constrained")
    jobs = results.column("memory", "jobs")
    for kind, colour in COLOURS.items():
        panel.plot(jobs, results.column("memory", kind), color=colour, label=kind)
    panel.set(xlabel="jobs done", ylabel="MB resident", ylim=(0, None))
    panel.legend(frameon=False, ncols=3)
    _plain(panel)
    figure.savefig(path, dpi=90)


def _plain(panel: Any) -> None:
    panel.margins(x=0.12)
    panel.spines[["top", "right"]].set_visible(False)
