"""Measures the time of each stage."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Stopwatch:
    """`seconds` of wall time by stage; the time of a nested stage is not added to the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._within = 0.0

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Add the time of this block to `stage`, unless it raises."""
        start, within, self._within = perf_counter(), self._within, 0.0
        yield
        took = perf_counter() - start
        self.seconds[stage] = self.seconds.get(stage, 0.0) + took - self._within
        self._within = within + took
