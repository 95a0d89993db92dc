"""From samples to the figures of a step."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from loadtest.samples import COMPUTE, END_TO_END, IN_SERVICE, QUEUE_WAIT, SUBMIT, Sample

MEASURES = (SUBMIT, QUEUE_WAIT, COMPUTE, IN_SERVICE, END_TO_END)
PERCENTILES = (50, 95, 99)
ENOUGH_ABOVE = 5
"""Samples above a percentile, or it says more of chance than of the service: 100 carry p95, 500 p99."""
WARM_UP_S = 1


@dataclass(frozen=True)
class Step:
    """What so many clients met. `errors` counts by code.

    `times_ms` has the percentiles of each measure, None for those that too few samples were taken for.
    """

    clients: int
    pictures: int
    pictures_per_s: float
    requests: int
    """All that ended, in an error or in a picture."""
    times_ms: Mapping[str, tuple[float | None, ...]]
    errors: Mapping[str, int]

    @property
    def overrun(self) -> bool:
        """Whether this was too much for the service: most requests failed."""
        return 2 * sum(self.errors.values()) > self.requests or not self.requests

    @property
    def failure(self) -> str | None:
        """What failed and why, if anything did."""
        if not self.requests:
            return f"no request of {self.clients} clients ended"
        if not self.errors:
            return None
        most = max(self.errors, key=lambda code: self.errors[code])
        failed = sum(self.errors.values())
        return f"{failed} of {self.requests} requests of {self.clients} clients failed, most with {most}"

    def __str__(self) -> str:
        shown = " ".join(
            "-" if value is None else f"{value / 1000:.2f}" for value in self.times_ms[END_TO_END]
        )
        errors = ", ".join(f"{count} {code}" for code, count in self.errors.items())
        return (
            f"{self.clients:4} clients  {self.pictures_per_s:6.1f} pictures/s  "
            f"end to end {shown} s (p50 p95 p99)  errors: {errors or 'none'}"
        )


def step(clients: int, seconds: int, samples: Iterable[Sample]) -> Step:
    """The figures of a step.

    Clients start at once, so times and pictures of the first second do not count. Nobody submits after
    `seconds`; what ends later has times, but adds nothing to the pictures per second.
    """
    samples = list(samples)
    fine = [sample for sample in samples if sample.code is None]
    counted = [sample for sample in fine if sample.at_s >= WARM_UP_S]
    whole = [sample for sample in counted if sample.name == END_TO_END]
    errors = dict(Counter(sample.code for sample in samples if sample.code))
    return Step(
        clients,
        len(whole),
        sum(sample.at_s < seconds for sample in whole) / (seconds - WARM_UP_S),
        sum(sample.name == END_TO_END for sample in fine) + sum(errors.values()),
        {name: _percentiles([each.took_ms for each in counted if each.name == name]) for name in MEASURES},
        errors,
    )


def _percentiles(values: list[float]) -> tuple[float | None, ...]:
    return tuple(
        float(np.percentile(values, each)) if len(values) * (100 - each) >= 100 * ENOUGH_ABOVE else None
        for each in PERCENTILES
    )
