"""From samples to the figures of a step."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from loadtest.samples import COMPUTE, END_TO_END, IN_SERVICE, QUEUE_WAIT, SUBMIT, Sample

MEASURES = (SUBMIT, QUEUE_WAIT, COMPUTE, IN_SERVICE, END_TO_END)
PERCENTILES = (50, 95, 99)
WARM_UP_S = 1


@dataclass(frozen=True)
class Step:
    """What so many clients met. `times_ms` has the percentiles of each measure; `errors` counts by code."""

    clients: int
    pictures: int
    pictures_per_s: float
    submits: int
    refused: Mapping[str, int]
    """Submits that were not accepted, by code."""
    times_ms: Mapping[str, tuple[float, ...]]
    errors: Mapping[str, int]

    @property
    def overrun(self) -> str | None:
        """Why this was too much for the service, if most submits were not accepted."""
        if not self.submits:
            return f"no submit of {self.clients} clients was answered"
        refused = sum(self.refused.values())
        if 2 * refused <= self.submits:
            return None
        code = max(self.refused, key=lambda code: self.refused[code])
        return f"{refused} of {self.submits} submits of {self.clients} clients were refused: {code}"

    def __str__(self) -> str:
        shown = " ".join(f"{value / 1000:.2f}" for value in self.times_ms[END_TO_END])
        errors = ", ".join(f"{count} {code}" for code, count in self.errors.items())
        return (
            f"{self.clients:4} clients  {self.pictures_per_s:6.1f} pictures/s  "
            f"end to end {shown or '-'} s (p50 p95 p99)  errors: {errors or 'none'}"
        )


def step(clients: int, seconds: int, samples: Iterable[Sample]) -> Step:
    """The figures of a step.

    Clients start at once, so times and pictures of the first second do not count. Nobody submits after
    `seconds`; what ends later has times, but adds nothing to the pictures per second.
    """
    samples = list(samples)
    fine = [sample for sample in samples if sample.code is None and sample.at_s >= WARM_UP_S]
    whole = [sample for sample in fine if sample.name == END_TO_END]
    submits = [sample for sample in samples if sample.name == SUBMIT]
    return Step(
        clients,
        len(whole),
        sum(sample.at_s < seconds for sample in whole) / (seconds - WARM_UP_S),
        len(submits),
        _by_code(submits),
        {name: _percentiles([sample.took_ms for sample in fine if sample.name == name]) for name in MEASURES},
        _by_code(samples),
    )


def _by_code(samples: Iterable[Sample]) -> dict[str, int]:
    return dict(Counter(sample.code for sample in samples if sample.code))


def _percentiles(values: list[float]) -> tuple[float, ...]:
    return tuple(map(float, np.percentile(values, PERCENTILES))) if values else ()
