"""Samples, passed in a file from Locust's process to ours, and the figures of a step."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

SUBMIT, POLL, RESULT, PICTURE = "submit", "poll", "result", "picture"
QUEUE_WAIT, COMPUTE, IN_SERVICE, END_TO_END = "queue wait", "compute", "in the service", "end to end"
"""Parts of the time of a request."""
REPORTED = {"queue_time": QUEUE_WAIT, "inference_time": COMPUTE, "total_time": IN_SERVICE}
"""Metrics that the service reports."""
MEASURES = (SUBMIT, QUEUE_WAIT, COMPUTE, IN_SERVICE, END_TO_END)
PERCENTILES = (50, 95, 99)
MIN_ABOVE = 5
"""Samples that must lie above a percentile for it to be meaningful: p95 needs 100 samples, p99 500."""
WARM_UP_S = 1


class Sample(NamedTuple):
    """A call or a part of a request; `at_s` is the time of its end since the start of the step."""

    name: str
    at_s: float
    took_ms: float
    code: str | None


def read(path: Path) -> list[Sample]:
    return [Sample(*each) for each in json.loads(path.read_text())]


@dataclass(frozen=True)
class Step:
    """The results of a step. `requests` counts pictures and errors, `errors` by code.

    `times_ms` has the percentiles of each measure, None for those with too few samples.
    """

    clients: int
    pictures: int
    pictures_per_s: float
    requests: int
    times_ms: Mapping[str, tuple[float | None, ...]]
    errors: Mapping[str, int]

    @property
    def overrun(self) -> bool:
        """Whether the service was overloaded: most requests failed."""
        return 2 * sum(self.errors.values()) > self.requests or not self.requests

    @property
    def failure(self) -> str | None:
        if not self.requests:
            return f"no request of {self.clients} clients ended"
        if not self.errors:
            return None
        commonest = max(self.errors, key=lambda code: self.errors[code])
        failed = sum(self.errors.values())
        return f"{failed} of {self.requests} requests of {self.clients} clients failed, most with {commonest}"

    def __str__(self) -> str:
        seconds = ("-" if ms is None else f"{ms / 1000:.2f}" for ms in self.times_ms[END_TO_END])
        errors = ", ".join(f"{count} {code}" for code, count in self.errors.items())
        return (
            f"{self.clients:4} clients  {self.pictures_per_s:6.1f} pictures/s  "
            f"end to end {' '.join(seconds)} s (p50 p95 p99)  errors: {errors or 'none'}"
        )


def step(clients: int, seconds: int, samples: Sequence[Sample]) -> Step:
    """Compute the figures of a step.

    All clients start together, so the first second does not count. Requests that finish after `seconds` have
    times, but do not count as throughput.
    """
    succeeded = [sample for sample in samples if sample.code is None]
    counted = [sample for sample in succeeded if sample.at_s >= WARM_UP_S]
    finished = [sample for sample in counted if sample.name == END_TO_END]
    errors = dict(Counter(sample.code for sample in samples if sample.code))
    return Step(
        clients,
        len(finished),
        sum(sample.at_s < seconds for sample in finished) / (seconds - WARM_UP_S),
        sum(sample.name == END_TO_END for sample in succeeded) + sum(errors.values()),
        {name: _percentiles([each.took_ms for each in counted if each.name == name]) for name in MEASURES},
        errors,
    )


def _percentiles(values: list[float]) -> tuple[float | None, ...]:
    return tuple(
        quantiles(values, n=100, method="inclusive")[percent - 1]
        if len(values) * (100 - percent) >= 100 * MIN_ABOVE
        else None
        for percent in PERCENTILES
    )
