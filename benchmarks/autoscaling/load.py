"""The load of a day: pictures with a daily rhythm, and 60 catalogues of 5,000, 20 of them after nine."""

import math
import random

DAY_S = 86_400
NIGHT_PER_S, NOON_PER_S = 2, 300
CATALOGUE = 5000


def arrivals() -> list[int]:
    """Pictures per second of the day, deterministic. A catalogue arrives in one second."""
    rng, counts = random.Random(1), [0] * DAY_S
    for minute in range(0, DAY_S, 60):
        pictures = max(0, round(rng.gauss(1, 0.15) * 60 * _per_s(minute)))
        for number in range(60):
            counts[minute + number] += pictures * (number + 1) // 60 - pictures * number // 60
    times_s = [rng.triangular(2, 22, 10) * 3600 for _ in range(40)]
    times_s += [9 * 3600 + rng.uniform(0, 300) for _ in range(20)]
    for at_s in times_s:
        counts[int(at_s)] += CATALOGUE
    return counts


def _per_s(second: float) -> float:
    """Peaks at two in the afternoon; lowest from ten in the evening to six in the morning."""
    by_day = max(0.0, math.sin(math.pi * (second / 3600 - 6) / 16))
    return NIGHT_PER_S + (NOON_PER_S - NIGHT_PER_S) * by_day**2
