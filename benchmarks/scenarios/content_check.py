"""What NudeNet as a content check costs a job, in one process on one core.

Medians of wall time; a ratio is the median of the ratios within the rounds.
"""

import os
from collections.abc import Callable, Sequence
from statistics import median

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}

import psutil
from PIL import Image

from benchmarks.harness import parser
from benchmarks.harness.figures import interleaved, median_ratio, timed
from benchmarks.harness.processes import resident_mb, use_one_core
from benchmarks.seed import PARAMS, base_jpeg, overlay_png
from compositor import DecodedCache, Inspect, SuperimposeParams, superimpose
from jobs.config.settings import Settings
from worker.content_check import inspection, load_check

SIDES = (256, 1024, 4096, 7000)  # pixels
CACHE_BYTES = 64 * 1024 * 1024


def main(arguments: Sequence[str]) -> None:
    rounds = parser("content-check", __doc__, rounds=31).parse_args(arguments).rounds
    use_one_core()
    seed = base_jpeg(), overlay_png()
    seed_job(*seed)()
    before = resident_mb([psutil.Process()])
    check = load_check(Settings(content_check="worker.nudity:NudityCheck"))
    assert check is not None
    check("base_image", Image.new("RGB", (1024, 1024)))
    with_model = resident_mb([psutil.Process()])
    print(f"resident memory of a process: {before:.0f} MB, with the model {with_model:.0f} MB")
    for side in SIDES:
        picture = Image.new("RGB", (side, side), "tan")
        ms = interleaved({"check": timed(lambda: check("base_image", picture))}, rounds)["check"]  # noqa: B023
        print(f"{side:>5} px square: {median(ms):.1f} ms a check")
    for name, cached in (("nothing", False), ("inputs", True)):
        jobs = {
            "bare": timed(seed_job(*seed, cached=cached)),
            "checked": timed(seed_job(*seed, inspection(check), cached=cached)),
        }
        plain, more = interleaved(jobs, rounds).values()
        print(f"a job, {name} in the cache: {median(plain):.1f} ms, ", end="")
        print(f"checked {median(more):.1f} ms, {median_ratio(more, plain):.1f} times")


def seed_job(
    base: bytes, overlay: bytes, inspect: Inspect | None = None, *, cached: bool = False
) -> Callable[[], object]:
    """The seed example to JPEG."""
    cache = DecodedCache(CACHE_BYTES) if cached else None
    params = SuperimposeParams(**PARAMS)
    return lambda: superimpose(base, overlay, params, cache=cache, inspect=inspect)
