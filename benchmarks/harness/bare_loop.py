"""The limit: `superimpose()` in a loop, in as many processes as there are workers."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache

from benchmarks import seed
from compositor import SuperimposeParams, superimpose

WORKERS = 2


@cache
def _inputs() -> tuple[bytes, bytes]:
    return seed.base_jpeg(), seed.overlay_png()


def _loop(jobs: int, image_format: str) -> None:
    """Inputs are decoded each time."""
    params = SuperimposeParams(**seed.PARAMS, image_format=image_format)
    for _ in range(jobs):
        superimpose(*_inputs(), params)


@contextmanager
def bare_loop() -> Iterator[Callable[[int, str], float]]:
    """A function of jobs and format: the pictures per second of all processes, which stay warm."""
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:

        def per_s(jobs: int, image_format: str) -> float:
            start, each = time.perf_counter(), jobs // WORKERS
            list(pool.map(_loop, [each] * WORKERS, [image_format] * WORKERS))
            return each * WORKERS / (time.perf_counter() - start)

        per_s(2 * WORKERS, "jpeg")
        yield per_s
