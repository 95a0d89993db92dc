"""The limit: `superimpose()` in a loop, in as many processes as there are workers."""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache

from benchmarks import seed
from compositor import SuperimposeParams, superimpose


@cache
def _inputs() -> tuple[bytes, bytes]:
    return seed.base_jpeg(), seed.overlay_png()


def _loop(jobs: int, image_format: str) -> None:
    """Inputs are decoded each time."""
    params = SuperimposeParams(**seed.PARAMS, image_format=image_format)
    for _ in range(jobs):
        superimpose(*_inputs(), params)


class BareLoop:
    """Warm processes that wait for work."""

    def __init__(self, pool: ProcessPoolExecutor, workers: int) -> None:
        self._pool = pool
        self._workers = workers
        self.per_s(2 * workers, "jpeg")

    def per_s(self, jobs: int, image_format: str) -> float:
        """Pictures per second of all processes."""
        start, each = time.perf_counter(), jobs // self._workers
        list(self._pool.map(_loop, [each] * self._workers, [image_format] * self._workers))
        return each * self._workers / (time.perf_counter() - start)


@contextmanager
def bare_loop(workers: int = 2) -> Iterator[BareLoop]:
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield BareLoop(pool, workers)
