"""Rounds that interleave contestants, what they cost, and the tables and pages that show it."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import TypeVar

from benchmarks.harness.machine import ROOT

DOCS = ROOT / "docs"
T = TypeVar("T")
Clock = Callable[[], float]


def interleaved(contestants: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """A sample of each contestant a round, forwards and backwards in turn, after a round to warm up."""
    samples: dict[str, list[T]] = {name: [] for name in contestants}
    for number in range(1 + rounds):
        for name in list(contestants)[:: -1 if number % 2 else 1]:
            sample = contestants[name]()
            if number:
                samples[name].append(sample)
    return samples


def cost(work: Callable[[], object], *clocks: Clock, times: int = 1) -> list[float]:
    """How far each clock goes on in a call of `work`, the mean of so many."""
    before = [clock() for clock in clocks]
    for _ in range(times):
        work()
    return [(clock() - begun) / times for clock, begun in zip(clocks, before, strict=True)]


def timed(work: Callable[[], object], clock: Clock = perf_counter) -> Callable[[], float]:
    """What a call of `work` takes, in ms."""
    return lambda: 1000 * cost(work, clock)[0]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many per cent of all are not above (nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def medians(samples: Iterable[Sequence[float]]) -> list[float]:
    """Of each column."""
    return [median(column) for column in zip(*samples, strict=True)]


def median_ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """Median of the ratios within the rounds, so that a slow second of the machine slows both sides."""
    return median(one / other for one, other in zip(ones, others, strict=False))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], first: str = "---") -> str:
    """Markdown; all columns but the first are figures."""
    lines = [heads, [first, *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def replaced(page: str, begin: str, end: str, ours: str) -> str:
    """The page with what stands between two marks replaced. Raises ValueError where they are missing."""
    before, found, rest = page.partition(f"{begin}\n")
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"no place for figures: {begin} and {end}, a line each")
    return f"{before}{begin}\n{ours}\n{end}{after}"
