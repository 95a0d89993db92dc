"""A simulated day of workers scaled by the age of the queue, compared with fixed numbers of workers.

The rules are those of kubernetes/components, the load that of benchmarks/autoscaling.py. The pace
of a worker and the times that a pod takes to start and drain are assumptions.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from matplotlib.figure import Figure

from benchmarks.autoscaling import Pods, Trace, arrivals, scaled_object, simulate
from benchmarks.harness.figures import DOCS, table
from benchmarks.harness.plots import COLOURS, png

PLOT = DOCS / "pictures/scaling.png"
SLOWDOWN = 20
MAX_FIXED = 200
SOON_S = 30
HEADS = ("workers", "longest age of the queue, s", f"pictures begun within {SOON_S} s", "worker-hours")


def main(pace: float = 10.0, start: int = 10, drain: int = 1) -> None:
    """`pace` in pictures a second per worker, `start` and `drain` of a pod in s."""
    load = arrivals()
    traces = days(load, Pods(pace, start, drain))
    print(f"{sum(load):,} pictures, {pace:g} a second and worker")
    print(shown(traces))
    PLOT.write_bytes(drawn(next(iter(traces.values()))))


def shown(traces: Mapping[str, Trace]) -> str:
    rows = [
        [name, f"{day.longest_s:,}", f"{day.share_within(SOON_S):.1%}", f"{day.worker_hours:.0f}"]
        for name, day in traces.items()
    ]
    return table(HEADS, rows)


def days(load: Sequence[int], pods: Pods) -> Mapping[str, Trace]:
    """Traces by description; the first is for the unchanged manifests."""
    rules = scaled_object()
    span = f"{rules.min_replicas} to {rules.max_replicas}"
    own = simulate(load, pods, rules)
    mean = round(own.worker_hours / 24)

    def is_as_fast(number: int) -> bool:
        return simulate(load, pods, rules, number).longest_s <= own.longest_s

    as_fast = mean + bisect_left(range(mean, MAX_FIXED), True, key=is_as_fast)
    totals = [total // SLOWDOWN for total in accumulate(load, initial=0)]
    fewer = [after - before for before, after in pairwise(totals)]
    slow = replace(pods, pace=pods.pace / SLOWDOWN)
    return {
        f"{span}, a pod starts in {pods.start_s} s": own,
        **{f"{span}, in {s} s": simulate(load, replace(pods, start_s=s), rules) for s in (60, 180)},
        f"{span}, {SLOWDOWN} times as slow pictures, a {SLOWDOWN}th as many": simulate(fewer, slow, rules),
        f"{mean} all day, for the same worker-hours": simulate(load, pods, rules, mean),
        f"{as_fast} all day, the fewest that are as fast": simulate(load, pods, rules, as_fast),
    }


def drawn(trace: Trace) -> bytes:
    """A plot of the day as PNG."""
    lines = {"age of the queue, s": trace.age_s, "waiting": trace.waiting, "workers": trace.workers}
    figure = Figure((9, 5.4))
    panels = figure.subplots(len(lines), 1, sharex=True)
    hours = [second / 3600 for second in range(len(trace.workers))]
    for panel, (name, values) in zip(panels, lines.items(), strict=True):
        panel.plot(hours, values, color=COLOURS[0], linewidth=0.8)
        panel.set(ylabel=name, ylim=(0, None), xlim=(0, 24))
    panels[-1].set_xticks(range(0, 25, 3))
    panels[-1].set_xlabel("hour")
    return png(figure)
