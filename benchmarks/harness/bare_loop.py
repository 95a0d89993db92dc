"""The limit: `superimpose()` in a loop, in as many processes as there are workers."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing.pool import Pool

from benchmarks import seed
from compositor import SuperimposeParams, superimpose


@cache
def inputs() -> tuple[bytes, bytes]:
    """Made once a process."""
    return seed.base_jpeg(), seed.overlay_png()


def loop(task: tuple[int, str]) -> None:
    """So many pictures, inputs decoded each time."""
    jobs, image_format = task
    base, overlay = inputs()
    params = SuperimposeParams(**seed.PARAMS, image_format=image_format)
    for _ in range(jobs):
        superimpose(base, overlay, params)


class BareLoop:
    """Processes that wait until they are asked."""

    def __init__(self, pool: Pool, workers: int) -> None:
        self._pool = pool
        self._workers = workers

    def rate(self, jobs: int, image_format: str) -> float:
        """Pictures per second of all processes."""
        start = time.perf_counter()
        self._pool.map(loop, [(jobs // self._workers, image_format)] * self._workers, chunksize=1)
        return jobs // self._workers * self._workers / (time.perf_counter() - start)


@contextmanager
def bare_loop(workers: int) -> Iterator[BareLoop]:
    """Warm ones."""
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        bare = BareLoop(pool, workers)
        bare.rate(2 * workers, "jpeg")
        yield bare
