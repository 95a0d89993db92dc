"""Cost of NudeNet as a content check of a job, in one process on one core.

Medians of wall time; a ratio is the median of the ratios within the rounds.
"""

import os
from functools import partial
from statistics import median

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}

from PIL import Image

from benchmarks.harness.figures import median_ratio, rounds_ms
from benchmarks.harness.processes import resident_mb, use_one_core
from benchmarks.seed import PARAMS, base_jpeg, overlay_png
from compositor import DecodedCache, SuperimposeParams, superimpose
from jobs.config.settings import Settings
from worker.content_check import inspection
from worker.plugin import load_plugin

SIDES = (256, 1024, 4096, 7000)  # pixels
CACHE_BYTES = 64 * 1024 * 1024


def main(rounds: int = 31) -> None:
    use_one_core()
    job = partial(superimpose, base_jpeg(), overlay_png(), SuperimposeParams(**PARAMS))
    job()
    before = resident_mb()
    check = load_plugin(Settings(content_check="worker.nudity:NudityCheck"), "content_check", "check")
    assert check is not None
    check("base_image", Image.new("RGB", (1024, 1024)))
    print(f"resident memory of a process: {before:.0f} MB, with the model {resident_mb():.0f} MB")
    for side in SIDES:
        picture = Image.new("RGB", (side, side), "tan")
        [ms] = rounds_ms(rounds, partial(check, "base_image", picture))
        print(f"{side:>5} px square: {median(ms):.1f} ms a check")
    for name, cache in (("nothing", lambda: None), ("inputs", lambda: DecodedCache(CACHE_BYTES))):
        checked = partial(job, cache=cache(), inspect=inspection(check))
        plain, more = rounds_ms(rounds, partial(job, cache=cache()), checked)
        print(f"a job, {name} in the cache: {median(plain):.1f} ms, ", end="")
        print(f"checked {median(more):.1f} ms, {median_ratio(more, plain):.1f} times")
