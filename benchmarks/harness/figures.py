"""Interleaved rounds, costs, statistics, and Markdown tables."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple, TypeVar

from benchmarks.harness.machine import ROOT

DOCS = ROOT / "docs"
T = TypeVar("T")
Clock = Callable[[], float]


def interleaved(contestants: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """One sample of each contestant per round, in alternating order, after a warm-up round."""
    samples: dict[str, list[T]] = {name: [] for name in contestants}
    for number in range(1 + rounds):
        for name in list(contestants)[:: -1 if number % 2 else 1]:
            sample = contestants[name]()
            if number:
                samples[name].append(sample)
    return samples


def cost(work: Callable[[], object], *clocks: Clock, times: int = 1) -> list[float]:
    """How far each clock advances in a call of `work`, as the mean of `times` calls."""
    before = [clock() for clock in clocks]
    for _ in range(times):
        work()
    return [(clock() - start) / times for clock, start in zip(clocks, before, strict=True)]


def timed(work: Callable[[], object], clock: Clock = perf_counter) -> Callable[[], float]:
    """A function that calls `work` and returns the ms that it took."""
    return lambda: 1000 * cost(work, clock)[0]


class Pace(NamedTuple):
    """Things done per second, and the CPU time of each."""

    per_s: float
    cpu_ms: float


def pace(work: Callable[[], object], count: int, cpu_s: Clock) -> Pace:
    """The pace of `work`, which does `count` things; `cpu_s` may be slow to read."""
    used, start = cpu_s(), perf_counter()
    work()
    took_s = perf_counter() - start
    return Pace(count / took_s, 1000 * (cpu_s() - used) / count)


def rounds_ms(rounds: int, *works: Callable[[], object], clock: Clock = perf_counter) -> list[list[float]]:
    """The ms of each work in each of the interleaved rounds."""
    contestants = {str(number): timed(work, clock) for number, work in enumerate(works)}
    return list(interleaved(contestants, rounds).values())


def percentile(values: Sequence[float], percent: float) -> float:
    """The percentile by the nearest-rank method."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def latencies(values: Sequence[float], *percents: int, digits: int = 0) -> list[str]:
    """Percentiles and the maximum, formatted for a table."""
    return [f"{each:.{digits}f}" for each in (*(percentile(values, p) for p in percents), max(values))]


def medians(samples: Iterable[Sequence[float]]) -> list[float]:
    """The median of each column."""
    return [median(column) for column in zip(*samples, strict=True)]


def median_ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratios within the rounds, in which a slow machine slows both sides."""
    return median(one / other for one, other in zip(ones, others, strict=False))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], first: str = "---") -> str:
    """A Markdown table; all columns but the first are right-aligned."""
    lines = [heads, [first, *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_section(page: Path, begin: str, end: str, section: str) -> None:
    """Replace the text between two marks of a page. Raises ValueError if they are missing."""
    before, found, rest = page.read_text().partition(f"{begin}\n")
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"no place for figures: {begin} and {end}, a line each")
    page.write_text(f"{before}{begin}\n{section}\n{end}{after}")
