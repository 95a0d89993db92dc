"""How long each stage takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Stopwatch:
    """`seconds` of wall time by stage. A stage within another is not counted to that."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._within = 0.0

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Count what is done in this context to `stage`; not where it raises."""
        start, within, self._within = perf_counter(), self._within, 0.0
        yield
        took = perf_counter() - start
        self.seconds[stage] = self.seconds.get(stage, 0.0) + took - self._within
        self._within = within + took
