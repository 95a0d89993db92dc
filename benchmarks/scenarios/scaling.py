"""Workers scaled by the age of the queue, in a simulated day, and fixed numbers of them.

Query and numbers are those of kubernetes/components, the load is that in benchmarks/autoscaling/day.csv. A
worker's pace, and how long a pod takes to start and to drain, are given and not measured.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import accumulate, pairwise
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.autoscaling.load import per_second, recorded
from benchmarks.autoscaling.manifests import scaled_object
from benchmarks.autoscaling.queue import Pods, Trace, by, simulated
from benchmarks.harness import parser
from benchmarks.harness.figures import DOCS, table

PLOT = DOCS / "pictures/scaling.png"
HEAVY = 20
MANY = 200
SOON_S = 30
HEADS = ("workers", "longest age of the queue, s", f"pictures begun within {SOON_S} s", "worker-hours")
COLOUR = "#2563eb"


def main(arguments: Sequence[str]) -> None:
    made = parser("scaling", __doc__, start=10, drain=1)
    made.add_argument("--pace", type=float, default=10, help="pictures a second and worker [%(default)s]")
    made.add_argument("--plot", type=Path, default=PLOT, help="where to draw it [docs/pictures/scaling.png]")
    options = made.parse_args(arguments)
    arrivals = per_second(recorded())
    traces = days(arrivals, Pods(options.pace, options.start, options.drain))
    print(f"{sum(arrivals):,} pictures, {options.pace:g} a second and worker")
    print(shown(traces))
    options.plot.write_bytes(plot(next(iter(traces.values()))))


def days(arrivals: Sequence[int], pods: Pods) -> Mapping[str, Trace]:
    """The first is as the manifests say."""
    rules = scaled_object()
    own = scaled(arrivals, pods)
    mean = round(own.worker_hours / 24)
    numbers = range(mean, MANY)
    as_fast = numbers[
        bisect_left(numbers, True, key=lambda n: fixed(arrivals, pods, n).longest_s <= own.longest_s)
    ]
    slow = replace(pods, pace=pods.pace / HEAVY)
    span = f"{rules.least} to {rules.most}"
    return {
        f"{span}, a pod starts in {pods.start_s} s": own,
        **{f"{span}, in {s} s": scaled(arrivals, replace(pods, start_s=s)) for s in (60, 180)},
        f"{span}, {HEAVY} times as slow pictures, a {HEAVY}th as many": scaled(thinned(arrivals), slow),
        f"{mean} all day, for the same worker-hours": fixed(arrivals, pods, mean),
        f"{as_fast} all day, the fewest that are as fast": fixed(arrivals, pods, as_fast),
    }


def scaled(arrivals: Sequence[int], pods: Pods) -> Trace:
    rules = scaled_object()
    return simulated(arrivals, pods, by(rules), rules.least, rules.scrape_s)


def fixed(arrivals: Sequence[int], pods: Pods, number: int) -> Trace:
    return simulated(arrivals, pods, lambda *_: number, number, scaled_object().scrape_s)


def thinned(arrivals: Sequence[int]) -> list[int]:
    """One in HEAVY, when the last of them has come."""
    sums = [0, *accumulate(arrivals)]
    return [after // HEAVY - before // HEAVY for before, after in pairwise(sums)]


def shown(traces: Mapping[str, Trace]) -> str:
    rows = [
        [name, f"{day.longest_s:,}", f"{day.share_within(SOON_S):.1%}", f"{day.worker_hours:.0f}"]
        for name, day in traces.items()
    ]
    return table(HEADS, rows)


def plot(trace: Trace) -> bytes:
    """The day from midnight on, as PNG."""
    lines = {"age of the queue, s": trace.age_s, "waiting": trace.waiting, "workers": trace.workers}
    figure = Figure((9, 5.4), layout="constrained")
    panels = figure.subplots(len(lines), 1, sharex=True)
    hours = [second / 3600 for second in range(len(trace.workers))]
    for panel, (name, values) in zip(panels, lines.items(), strict=True):
        panel.plot(hours, values, color=COLOUR, linewidth=0.8)
        panel.set(ylabel=name, ylim=(0, None), xlim=(0, 24))
        panel.grid(axis="y", color="#e5e7eb")
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xticks(range(0, 25, 3))
    panels[-1].set_xlabel("hour")
    out = BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()
