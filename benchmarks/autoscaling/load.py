"""The load of a day, kept in day.csv: `python -m benchmarks.autoscaling.load` writes it.

Single pictures in the rhythm of a day, and 60 catalogues of 5,000, 20 of them from nine to five past nine.
"""

import csv
import io
import math
import random
from pathlib import Path

FILE = Path(__file__).with_name("day.csv")
HEAD = ("from_s", "for_s", "pictures")
DAY_S = 86_400
NIGHT_PER_S, NOON_PER_S = 2, 300
CATALOGUE = 5000

Arrivals = list[tuple[int, int, int]]
"""So many pictures, spread evenly over so many seconds from that second of the day."""


def made(seed: int = 1) -> Arrivals:
    rng = random.Random(seed)
    single = [(s, 60, max(0, round(rng.gauss(1, 0.15) * 60 * _per_s(s)))) for s in range(0, DAY_S, 60)]
    times = [rng.triangular(2, 22, 10) * 3600 for _ in range(40)]
    times += [9 * 3600 + rng.uniform(0, 300) for _ in range(20)]
    return sorted([*single, *((int(at_s), 1, CATALOGUE) for at_s in times)])


def recorded() -> Arrivals:
    with FILE.open() as lines:
        rows = csv.reader(lines)
        next(rows)
        return [(int(from_s), int(for_s), int(pictures)) for from_s, for_s, pictures in rows]


def per_second(arrivals: Arrivals) -> list[int]:
    counts = [0] * DAY_S
    for from_s, for_s, pictures in arrivals:
        for number in range(for_s):
            counts[from_s + number] += pictures * (number + 1) // for_s - pictures * number // for_s
    return counts


def written(arrivals: Arrivals) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([HEAD, *arrivals])
    return out.getvalue()


def _per_s(second: float) -> float:
    """Most at two in the afternoon, least from ten in the evening to six in the morning."""
    by_day = max(0.0, math.sin(math.pi * (second / 3600 - 6) / 16))
    return NIGHT_PER_S + (NOON_PER_S - NIGHT_PER_S) * by_day**2


if __name__ == "__main__":
    FILE.write_text(written(made()))
