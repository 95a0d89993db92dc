"""Plots over the number of clients, as PNG."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from benchmarks.harness.plots import COLOURS, png
from loadtest.samples import COMPUTE, END_TO_END, IN_SERVICE, PERCENTILES, QUEUE_WAIT, SUBMIT, Step

NAMES = ("overview", "parts", "errors")


def draw_all(steps: Sequence[Step]) -> Mapping[str, bytes]:
    """The plots that have data, by name."""

    def has_times(name: str) -> bool:
        return any(value is not None for step in steps for value in step.times_ms[name])

    plots = {}
    if any(step.pictures for step in steps):
        plots["overview"] = _overview(steps, list(filter(has_times, [END_TO_END])))
    if parts := list(filter(has_times, (SUBMIT, QUEUE_WAIT, COMPUTE, IN_SERVICE))):
        plots["parts"] = _parts(steps, parts)
    if any(step.errors for step in steps):
        plots["errors"] = _errors(steps)
    return plots


def _overview(steps: Sequence[Step], names: Sequence[str]) -> bytes:
    """The throughput, and the times of these parts beside it."""
    figure, columns = Figure((9, 3.2)), 1 + len(names)
    left = figure.add_subplot(1, columns, 1)
    left.plot([step.pictures_per_s for step in steps], "o-", color=COLOURS[0])
    left.set(title="throughput", ylabel="pictures a second", ylim=(0, None))
    _label_clients(left, steps, "clients, which think between requests")
    for number, name in enumerate(names, start=2):
        _draw_percentiles(figure.add_subplot(1, columns, number), steps, name)
    return png(figure)


def _parts(steps: Sequence[Step], names: Sequence[str]) -> bytes:
    rows = (len(names) + 1) // 2
    figure = Figure((9, 3 * rows))
    for number, name in enumerate(names, start=1):
        _draw_percentiles(figure.add_subplot(rows, 2, number), steps, name)
    return png(figure)


def _errors(steps: Sequence[Step]) -> bytes:
    figure = Figure((9, 3.2))
    panel, stacked = figure.subplots(), [0] * len(steps)
    for code in sorted({code for step in steps for code in step.errors}):
        counts = [step.errors.get(code, 0) for step in steps]
        panel.bar(range(len(steps)), counts, 0.6, stacked, label=code)
        stacked = [low + count for low, count in zip(stacked, counts, strict=True)]
    panel.set(title="errors by code", ylabel="errors")
    panel.legend()
    _label_clients(panel, steps)
    return png(figure)


def _draw_percentiles(panel: Axes, steps: Sequence[Step], name: str) -> None:
    columns = zip(*(step.times_ms[name] for step in steps), strict=True)
    for percent, colour, values in zip(PERCENTILES, COLOURS, columns, strict=True):
        if any(value is not None for value in values):
            shown = [float("nan") if value is None else value for value in values]
            panel.plot(shown, "o-", color=colour, label=f"p{percent}")
    panel.set(title=name, ylabel="ms", yscale="log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.legend()
    _label_clients(panel, steps)


def _label_clients(panel: Axes, steps: Sequence[Step], label: str = "clients") -> None:
    panel.set_xticks(range(len(steps)), [str(step.clients) for step in steps])
    panel.set_xlabel(label)
