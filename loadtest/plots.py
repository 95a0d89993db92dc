"""The plots, as PNG, over the number of clients."""

from collections.abc import Mapping, Sequence
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from loadtest.measured import PERCENTILES, Step
from loadtest.samples import COMPUTE, END_TO_END, IN_SERVICE, QUEUE_WAIT, SUBMIT

COLOURS = ("#2563eb", "#d97706", "#b91c1c")  # of p50, p95, p99
PARTS = (SUBMIT, QUEUE_WAIT, COMPUTE, IN_SERVICE)
DPI = 110


def all_of(steps: Sequence[Step]) -> Mapping[str, bytes]:
    """Every plot, by name."""
    return {"overview": overview(steps), "parts": parts(steps), "errors": errors(steps)}


def overview(steps: Sequence[Step]) -> bytes:
    """Pictures per second, and how long a client waits for one."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([step.pictures_per_s for step in steps], "o-", color=COLOURS[0])
    left.set(title="throughput", ylabel="pictures a second", ylim=(0, None))
    _by_clients(left, steps)
    _percentiles(right, steps, END_TO_END)
    return _png(figure)


def parts(steps: Sequence[Step]) -> bytes:
    """Percentiles of the parts of a request."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    for panel, name in zip(figure.subplots(2, 2).flat, PARTS, strict=True):
        _percentiles(panel, steps, name)
    return _png(figure)


def errors(steps: Sequence[Step]) -> bytes:
    """Errors, by code."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    panel = figure.subplots()
    below = [0] * len(steps)
    for code in sorted({code for step in steps for code in step.errors}):
        counts = [step.errors.get(code, 0) for step in steps]
        panel.bar(range(len(steps)), counts, 0.6, below, label=code)
        below = [low + count for low, count in zip(below, counts, strict=True)]
    panel.set(title="errors by code" if any(below) else "no errors", ylabel="errors")
    _by_clients(panel, steps)
    if any(below):
        panel.legend(frameon=False)
    return _png(figure)


def _percentiles(panel: Axes, steps: Sequence[Step], name: str) -> None:
    for number, (percentile, colour) in enumerate(zip(PERCENTILES, COLOURS, strict=True)):
        values = [step.times_ms[name][number] if step.times_ms[name] else float("nan") for step in steps]
        panel.plot(values, "o-", color=colour, label=f"p{percentile}")
    panel.set(title=name, ylabel="ms", yscale="log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.legend(frameon=False)
    _by_clients(panel, steps)


def _by_clients(panel: Axes, steps: Sequence[Step]) -> None:
    panel.set_xticks(range(len(steps)), [str(step.clients) for step in steps])
    panel.set_xlabel("clients")
    panel.grid(axis="y", color="#e5e7eb")
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def _png(figure: Figure) -> bytes:
    out = BytesIO()
    figure.savefig(out, format="png", dpi=DPI)
    return out.getvalue()
