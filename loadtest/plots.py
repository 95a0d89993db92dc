"""Plots over the number of clients, as PNG."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from benchmarks.harness.plots import COLOURS, plain, png
from loadtest.samples import COMPUTE, END_TO_END, IN_SERVICE, PERCENTILES, QUEUE_WAIT, SUBMIT, Step

PARTS = (SUBMIT, QUEUE_WAIT, COMPUTE, IN_SERVICE)
NAMES = ("overview", "parts", "errors")


def draw_all(steps: Sequence[Step]) -> Mapping[str, bytes]:
    """The plots that have data, by name."""
    plots = {}
    if any(step.pictures for step in steps):
        plots["overview"] = overview(steps)
    if any(_has_values(steps, name) for name in PARTS):
        plots["parts"] = parts(steps)
    if any(step.errors for step in steps):
        plots["errors"] = errors(steps)
    return plots


def overview(steps: Sequence[Step]) -> bytes:
    names = [END_TO_END] if _has_values(steps, END_TO_END) else []
    figure = Figure((9, 3.2), layout="constrained")
    left, *others = figure.subplots(1, 1 + len(names), squeeze=False).flat
    left.plot([step.pictures_per_s for step in steps], "o-", color=COLOURS[0])
    left.set(title="throughput", ylabel="pictures a second", ylim=(0, None))
    _by_clients(left, steps, "clients, which think between requests")
    for panel, name in zip(others, names, strict=True):
        _percentiles(panel, steps, name)
    return png(figure)


def parts(steps: Sequence[Step]) -> bytes:
    names = [name for name in PARTS if _has_values(steps, name)]
    rows = (len(names) + 1) // 2
    figure = Figure((9, 3 * rows), layout="constrained")
    for panel, name in zip_longest(figure.subplots(rows, 2, squeeze=False).flat, names):
        if name:
            _percentiles(panel, steps, name)
        else:
            panel.remove()
    return png(figure)


def errors(steps: Sequence[Step]) -> bytes:
    figure = Figure((9, 3.2), layout="constrained")
    panel, stacked = figure.subplots(), [0] * len(steps)
    for code in sorted({code for step in steps for code in step.errors}):
        counts = [step.errors.get(code, 0) for step in steps]
        panel.bar(range(len(steps)), counts, 0.6, stacked, label=code)
        stacked = [low + count for low, count in zip(stacked, counts, strict=True)]
    panel.set(title="errors by code", ylabel="errors")
    _by_clients(panel, steps)
    panel.legend(frameon=False)
    return png(figure)


def _has_values(steps: Sequence[Step], name: str) -> bool:
    return any(value is not None for step in steps for value in step.times_ms[name])


def _percentiles(panel: Axes, steps: Sequence[Step], name: str) -> None:
    for number, (percent, colour) in enumerate(zip(PERCENTILES, COLOURS, strict=True)):
        values = [step.times_ms[name][number] for step in steps]
        if any(value is not None for value in values):
            shown = [float("nan") if value is None else value for value in values]
            panel.plot(shown, "o-", color=colour, label=f"p{percent}")
    panel.set(title=name, ylabel="ms", yscale="log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.legend(frameon=False)
    _by_clients(panel, steps)


def _by_clients(panel: Axes, steps: Sequence[Step], label: str = "clients") -> None:
    panel.set_xticks(range(len(steps)), [str(step.clients) for step in steps])
    panel.set_xlabel(label)
    plain(panel)
