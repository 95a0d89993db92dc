"""The limit: `superimpose()` in a loop, in a process a core."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache

from benchmarks import seed
from compositor import DecodedCache, SuperimposeParams, superimpose
from jobs.config.settings import Settings

CORES = os.cpu_count() or 1


@cache
def _inputs() -> tuple[bytes, bytes]:
    return seed.base_jpeg(), seed.overlay_png()


@cache
def _decoded() -> DecodedCache:
    return DecodedCache(Settings().cache_bytes)


def _loop(jobs: int, image_format: str, cached: bool) -> float:
    """Processor time in seconds."""
    params, used = SuperimposeParams(**seed.PARAMS, image_format=image_format), time.process_time()
    kept = _decoded() if cached else None
    for _ in range(jobs):
        superimpose(*_inputs(), params, cache=kept)
    return time.process_time() - used


@contextmanager
def bare_loop() -> Iterator[Callable[[int, str, bool], tuple[float, float]]]:
    """Of so many jobs, a format, and whether decoded inputs are kept: pictures/s and CPU ms a picture.

    The processes stay warm.
    """
    with ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn")) as pool:

        def measure(jobs: int, image_format: str, cached: bool) -> tuple[float, float]:
            start, each = time.perf_counter(), jobs // CORES
            cpu_s = sum(pool.map(_loop, [each] * CORES, [image_format] * CORES, [cached] * CORES))
            jobs = each * CORES
            return jobs / (time.perf_counter() - start), 1000 * cpu_s / jobs

        for cached in (False, True):
            measure(4 * CORES, "jpeg", cached)
        yield measure
