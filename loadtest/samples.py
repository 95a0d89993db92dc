"""What was measured, a line of JSON each: written by Locust's process, read by ours."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

SUBMIT, POLL, RESULT, PICTURE = "submit", "poll", "result", "picture"
"""Calls."""
QUEUE_WAIT, COMPUTE, IN_SERVICE, END_TO_END = "queue wait", "compute", "in the service", "end to end"
"""Parts of a request, from its submit to its picture."""


@dataclass(frozen=True)
class Sample:
    """One call, or one part of a request; `at_s` is its end, counted from the start of the step.

    `code` is None where all went well.
    """

    name: str
    at_s: float
    took_ms: float
    code: str | None


class Recorder:
    """Writes samples to a file, from the events of Locust that have the same names as its methods."""

    def __init__(self, path: Path) -> None:
        self._out = path.open("w")
        self._start = perf_counter()

    def test_start(self, **_: Any) -> None:
        """The step begins."""
        self._start = perf_counter()

    def request(self, name: str, response_time: float, exception: Exception | None, **_: Any) -> None:
        """A call has been answered, or a part of a request has ended."""
        code = None if exception is None else str(exception)
        sample = Sample(name, perf_counter() - self._start, response_time, code)
        self._out.write(json.dumps(asdict(sample)) + "\n")

    def quitting(self, **_: Any) -> None:
        """The step is over."""
        self._out.close()


def read(path: Path) -> Iterator[Sample]:
    """All samples of a file."""
    with path.open() as lines:
        for line in lines:
            yield Sample(**json.loads(line))
