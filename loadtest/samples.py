"""Samples, written by Locust's process and read by ours; and the figures of a step."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any, NamedTuple

SUBMIT, POLL, RESULT, PICTURE = "submit", "poll", "result", "picture"
"""Calls."""
QUEUE_WAIT, COMPUTE, IN_SERVICE, END_TO_END = "queue wait", "compute", "in the service", "end to end"
"""Parts of a request, from its submit to its picture."""
REPORTED = {"queue_time": QUEUE_WAIT, "inference_time": COMPUTE, "total_time": IN_SERVICE}
"""By the service, under these names."""
MEASURES = (SUBMIT, QUEUE_WAIT, COMPUTE, IN_SERVICE, END_TO_END)
PERCENTILES = (50, 95, 99)
ENOUGH_ABOVE = 5
"""Samples above a percentile, or it says more of chance than of the service: 100 carry p95, 500 p99."""
WARM_UP_S = 1


class Sample(NamedTuple):
    """A call, or a part of a request; `at_s` is its end since the step's start; `code` is of an error."""

    name: str
    at_s: float
    took_ms: float
    code: str | None


class Recorder:
    """Writes samples to a file, from the events of Locust that have the same names as its methods."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start = perf_counter()
        self._samples: list[Sample] = []

    def test_start(self, **_: Any) -> None:
        self._start = perf_counter()

    def request(self, name: str, response_time: float, exception: Exception | None, **_: Any) -> None:
        code = None if exception is None else str(exception)
        self._samples.append(Sample(name, perf_counter() - self._start, response_time, code))

    def quitting(self, **_: Any) -> None:
        self._path.write_text(json.dumps(self._samples))


def read(path: Path) -> list[Sample]:
    return [Sample(*each) for each in json.loads(path.read_text())]


@dataclass(frozen=True)
class Step:
    """What so many clients met. `errors` counts by code.

    `requests` are all that ended, in an error or in a picture. `times_ms` has the percentiles of each
    measure, None for those with too few samples.
    """

    clients: int
    pictures: int
    pictures_per_s: float
    requests: int
    times_ms: Mapping[str, tuple[float | None, ...]]
    errors: Mapping[str, int]

    @property
    def overrun(self) -> bool:
        """Whether this was too much for the service: most requests failed."""
        return 2 * sum(self.errors.values()) > self.requests or not self.requests

    @property
    def failure(self) -> str | None:
        if not self.requests:
            return f"no request of {self.clients} clients ended"
        if not self.errors:
            return None
        most = max(self.errors, key=lambda code: self.errors[code])
        failed = sum(self.errors.values())
        return f"{failed} of {self.requests} requests of {self.clients} clients failed, most with {most}"

    def __str__(self) -> str:
        seconds = ("-" if ms is None else f"{ms / 1000:.2f}" for ms in self.times_ms[END_TO_END])
        errors = ", ".join(f"{count} {code}" for code, count in self.errors.items())
        return (
            f"{self.clients:4} clients  {self.pictures_per_s:6.1f} pictures/s  "
            f"end to end {' '.join(seconds)} s (p50 p95 p99)  errors: {errors or 'none'}"
        )


def step(clients: int, seconds: int, samples: Iterable[Sample]) -> Step:
    """The figures of a step.

    Clients start at once, so times and pictures of the first second do not count. No client submits after
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
        quantiles(values, n=100, method="inclusive")[percent - 1]
        if len(values) * (100 - percent) >= 100 * ENOUGH_ABOVE
        else None
        for percent in PERCENTILES
    )
