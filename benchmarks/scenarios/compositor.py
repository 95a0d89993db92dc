"""The compositor against Pillow, libvips, sharp and OpenCV; writes its part of docs/PERFORMANCE.md.

CPU time in one process on one core; every contestant runs once per round. Figures are medians of the rounds,
ratios medians of the ratios within the rounds.
"""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from statistics import median
from time import process_time

os.environ["VIPS_CONCURRENCY"] = "1"

import cv2
from PIL import Image

from benchmarks import scenes
from benchmarks.harness.figures import DOCS, interleaved, median_ratio, table, timed, write_section
from benchmarks.harness.processes import CannotStart, in_own_process, peak_mb, use_one_core
from benchmarks.plain_pillow import with_pillow
from benchmarks.rivals import sharp, with_libvips, with_opencv
from benchmarks.seed import PARAMS, base_jpeg, large_jpeg, overlay_png
from compositor import DecodedCache, Limits, SuperimposeParams, superimpose

BEGIN, END = "<!-- bench-compositor -->", "<!-- /bench-compositor -->"
FORMATS = ("jpeg", "png")
LARGE = (8000, 6250)  # 50 megapixels
ANY_SIZE = Limits(max_bytes=1 << 30)
OURS, WARM = "Superimpose", "Superimpose, inputs in its cache"


def main(rounds: int = 15) -> None:
    use_one_core()
    cv2.setNumThreads(1)
    base, overlay = base_jpeg(), overlay_png()
    contestants: dict[str, Callable[..., object]] = {
        OURS: with_ours,
        WARM: partial(with_ours, cache=DecodedCache(64 << 20)),
        "Pillow": with_pillow,
        "libvips": with_libvips,
        "OpenCV": with_opencv,
    }
    missing, measured = "", dict[str, dict[str, list[float]]]()
    with ExitStack() as stack:
        try:
            in_node = stack.enter_context(sharp(base, overlay))
        except CannotStart as reason:
            in_node, missing = None, f"\n\nsharp was not measured: {reason}."
        for each in FORMATS:
            samples: dict[str, Callable[[], float]] = {
                name: timed(partial(work, base, overlay, each), process_time)
                for name, work in contestants.items()
            }
            if in_node:
                samples["sharp"] = partial(in_node, each)
            measured[each] = interleaved(samples, rounds)
    intro = head(base, overlay, rounds) + missing
    part = "\n\n".join([intro, speeds(measured), growth(overlay), memory(), scenes.part(rounds)])
    write_section(DOCS / "PERFORMANCE.md", BEGIN, END, part)
    print(part)


def with_ours(base: bytes, overlay: bytes, image_format: str, cache: DecodedCache | None = None) -> object:
    return superimpose(base, overlay, SuperimposeParams(**PARAMS, image_format=image_format), cache=cache)


def head(base: bytes, overlay: bytes, rounds: int) -> str:
    return f"""## Compositor

`make bench-compositor`: file in, file out in one process on one core, CPU time, medians of {rounds} rounds,
ratios within them. {platform.machine()}, Python {platform.python_version()}, Pillow {Image.__version__}, \
OpenCV {cv2.__version__}. Base 1024 x 1024 (JPEG, {len(base) // 1000} KB), overlay 640 x 640 with alpha \
(PNG, {len(overlay) // 1000} KB) scaled by 0.4. The others: `benchmarks/plain_pillow.py`, \
`benchmarks/rivals.py`, `benchmarks/rival.mjs`."""


def speeds(measured: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """CPU ms of each contestant and its ratio to ours, by format."""
    heads = [""]
    rows = [[name] for name in next(iter(measured.values()))]
    for image_format, ms in measured.items():
        heads += [f"{image_format.upper()}, CPU ms", "times ours"]
        for row, taken in zip(rows, ms.values(), strict=True):
            row += [f"{median(taken):.1f}", f"{median_ratio(taken, ms[OURS]):.2f}"]
    return table(heads, rows)


def growth(overlay: bytes) -> str:
    """Cost of a small overlay on a large base, relative to decoding and encoding that base."""
    large, params = large_jpeg(LARGE), SuperimposeParams(rescale_factor=0.4, x_offset=4000, y_offset=3000)
    stages = [superimpose(large, overlay, params, limits=ANY_SIZE).seconds for _ in range(5)]
    share = median(100 * each["compose"] / (each["decode"] + each["encode"]) for each in stages)
    ms = 1000 * median(each["compose"] for each in stages)
    on = f"{LARGE[0]} x {LARGE[1]}"
    return f"A 256 px overlay on {on}: {ms:.1f} ms to compose, {share:.2f} % of decoding and encoding."


def memory() -> str:
    allowed = LARGE[0] * LARGE[1] * 8 / 1e6 + 40
    peaks = " and ".join(f"{in_own_process(peak_of, each):.0f} MB to {each.upper()}" for each in FORMATS)
    return f"Peak memory of a job on that base: {peaks}; allowed: {allowed:.0f} (8 bytes a pixel + 40 MB)."


def peak_of(image_format: str) -> float:
    """The peak memory that a job adds to its process."""
    large, overlay = large_jpeg(LARGE), overlay_png()
    params = SuperimposeParams(image_format=image_format, rescale_factor=0.4, x_offset=400, y_offset=300)
    superimpose(base_jpeg(), overlay, params)
    return peak_mb(partial(superimpose, large, overlay, params, limits=ANY_SIZE))
