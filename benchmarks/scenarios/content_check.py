"""Print what NudeNet as a content check costs: `python -m benchmarks.scenarios.content_check`.

One process on one core, as a worker's child is. Medians of wall time; a ratio is the median of the ratios
within the rounds.
"""

import os
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}

from PIL import Image

from benchmarks.seed import PARAMS, base_jpeg, overlay_png
from compositor import DecodedCache, Inspect, SuperimposeParams, superimpose
from jobs.config.settings import Settings
from worker.content_check import inspection, load_check

ROUNDS = 31
SIDES = (256, 1024, 4096, 7000)  # pixels

Job = Callable[[], object]


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    base, overlay = base_jpeg(), overlay_png()
    job(base, overlay)()
    before = resident_mb()
    check = load_check(Settings(content_check="worker.nudity:NudityCheck"))
    assert check is not None
    check("base_image", Image.new("RGB", (1024, 1024)))
    print(f"resident memory of a process: {before:.0f} MB, with the model {resident_mb():.0f} MB")
    for side in SIDES:
        picture = Image.new("RGB", (side, side), "tan")
        [taken] = interleaved(lambda picture=picture: check("base_image", picture))
        print(f"{side:>5} px square: {1000 * median(taken):.1f} ms a check")
    inspect = inspection(check)
    compare("nothing in the cache", job(base, overlay), job(base, overlay, inspect))
    compare("inputs in the cache", job(base, overlay, cached=True), job(base, overlay, inspect, cached=True))


def job(base: bytes, overlay: bytes, inspect: Inspect | None = None, *, cached: bool = False) -> Job:
    """The seed example to JPEG."""
    cache = DecodedCache(64 * 1024 * 1024) if cached else None
    params = SuperimposeParams(**PARAMS)
    return lambda: superimpose(base, overlay, params, cache=cache, inspect=inspect)


def compare(name: str, bare: Job, checked: Job) -> None:
    plain, more = interleaved(bare, checked)
    ratio = median(one / other for one, other in zip(more, plain, strict=True))
    bare_ms, checked_ms = 1000 * median(plain), 1000 * median(more)
    print(f"a job, {name}: {bare_ms:.1f} ms, checked {checked_ms:.1f} ms, {ratio:.1f} times")


def interleaved(*jobs: Job) -> list[list[float]]:
    """Seconds of each round of each job, after one round that does not count."""
    seconds: list[list[float]] = [[] for _ in jobs]
    for _ in range(1 + ROUNDS):
        for taken, work in zip(seconds, jobs, strict=True):
            start = perf_counter()
            work()
            taken.append(perf_counter() - start)
    return [taken[1:] for taken in seconds]


def resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024 / 1e6


if __name__ == "__main__":
    main()
