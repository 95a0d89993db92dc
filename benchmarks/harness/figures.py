"""Statistics of the tables."""

import math
from collections.abc import Sequence
from statistics import median


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many per cent of all are not above (nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def median_ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """Median of the ratios within the rounds, so that a slow moment slows both sides of one."""
    return median(one / other for one, other in zip(ones, others, strict=False))
