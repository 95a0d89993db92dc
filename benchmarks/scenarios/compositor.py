"""Measure the compositor against Pillow, libvips and OpenCV: `make bench-compositor`.

One process on one core, CPU seconds, every rival once a round, medians of the rounds. A ratio is the median
of the ratios within the rounds, so that a slow second of the machine slows both sides of it. Writes
docs/compositor-speed.md and .png.
"""

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

os.environ["VIPS_CONCURRENCY"] = "1"

import cv2
import matplotlib as mpl
from PIL import Image

from benchmarks.plain_pillow import with_pillow
from benchmarks.rivals import with_libvips, with_opencv
from benchmarks.seed import PARAMS, base_jpeg, large_jpeg, overlay_png
from compositor import DecodedCache, Limits, SuperimposeParams, superimpose

ROUNDS = 15
FORMATS = ("jpeg", "png")
LARGE = (8000, 6250)  # 50 megapixels
OURS, WARM = "Superimpose", "Superimpose, inputs in its cache"
DOCS = Path(__file__).parent.parent / "docs"
ROOM = Limits(max_bytes=1 << 30)

Work = Callable[[bytes, bytes, str], object]
Seconds = dict[str, list[float]]


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    base, overlay = base_jpeg(), overlay_png()
    measured = {
        image_format: interleaved(contenders(), base, overlay, image_format) for image_format in FORMATS
    }
    large = large_jpeg(LARGE)
    page = "\n\n".join(
        [
            head(base, overlay),
            *(table(image_format, seconds) for image_format, seconds in measured.items()),
            growth(large, overlay),
            memory(),
        ]
    )
    DOCS.mkdir(exist_ok=True)
    (DOCS / "compositor-speed.md").write_text(page + "\n")
    plot(measured)
    print(page)


def contenders() -> dict[str, Work]:
    cache = DecodedCache(64 * 1024 * 1024)

    def cold(base: bytes, overlay: bytes, image_format: str) -> object:
        return superimpose(base, overlay, SuperimposeParams(**PARAMS, image_format=image_format))

    def warm(base: bytes, overlay: bytes, image_format: str) -> object:
        return superimpose(base, overlay, SuperimposeParams(**PARAMS, image_format=image_format), cache=cache)

    return {OURS: cold, WARM: warm, "Pillow": with_pillow, "libvips": with_libvips, "OpenCV": with_opencv}


def interleaved(works: dict[str, Work], base: bytes, overlay: bytes, image_format: str) -> Seconds:
    """CPU seconds of each round of each work, after one round that does not count."""
    seconds: Seconds = {name: [] for name in works}
    for _ in range(1 + ROUNDS):
        for name, work in works.items():
            start = process_time()
            work(base, overlay, image_format)
            seconds[name].append(process_time() - start)
    return {name: taken[1:] for name, taken in seconds.items()}


def times_slower(seconds: Seconds, name: str, than: str) -> float:
    return median(one / other for one, other in zip(seconds[name], seconds[than], strict=True))


def head(base: bytes, overlay: bytes) -> str:
    return f"""# How fast the compositor is

`make bench-compositor` wrote this page: one process on one core, CPU seconds, every contender once a round,
medians of {ROUNDS} rounds, ratios taken within the rounds. {platform.machine()},
Python {platform.python_version()}, Pillow {Image.__version__}, OpenCV {cv2.__version__}.

The job: a 1024 x 1024 photograph (JPEG, {len(base) // 1000} KB), a 640 x 640 overlay with alpha (PNG, \
{len(overlay) // 1000} KB) scaled by 0.4 and put
on it; file in, file out. The others are written as one would write them, in `benchmarks/plain_pillow.py` and
`benchmarks/rivals.py`.

![CPU milliseconds of one job](compositor-speed.png)"""


def table(image_format: str, seconds: Seconds) -> str:
    rows = [
        f"| {name} | {1000 * median(taken):.1f} | {times_slower(seconds, name, OURS):.2f} "
        f"| {times_slower(seconds, name, WARM):.2f} |"
        for name, taken in seconds.items()
    ]
    return "\n".join(
        [
            f"## To {image_format.upper()}",
            "",
            "| | CPU ms a job | times ours | times ours with a warm cache |",
            "| --- | ---: | ---: | ---: |",
            *rows,
        ]
    )


def growth(large: bytes, overlay: bytes) -> str:
    """Cost of a small overlay on a large base, beside decoding and encoding that base."""
    params = SuperimposeParams(rescale_factor=0.4, x_offset=4000, y_offset=3000)
    stages = [superimpose(large, overlay, params, limits=ROOM).seconds for _ in range(5)]
    share = median(100 * each["compose"] / (each["decode"] + each["encode"]) for each in stages)
    return f"""## A 256 px overlay on a {LARGE[0]} x {LARGE[1]} base

Composing takes {1000 * median(each["compose"] for each in stages):.1f} ms, {share:.2f} % of what decoding \
and encoding take: only the box that changes is touched."""


def memory() -> str:
    rows = []
    for image_format in FORMATS:
        command = [sys.executable, "-m", "benchmarks.peak_memory", image_format, *map(str, LARGE)]
        peak = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        allowed = LARGE[0] * LARGE[1] * 8 / 1e6 + 40
        rows.append(f"| {image_format} | {peak:.0f} | {allowed:.0f} |")
    return "\n".join(
        [
            f"## Peak memory of a job on a {LARGE[0]} x {LARGE[1]} base",
            "",
            "| answer | MB | MB allowed: 2 x 4 bytes a pixel of the base + 40 |",
            "| --- | ---: | ---: |",
            *rows,
        ]
    )


def plot(measured: dict[str, Seconds]) -> None:
    mpl.use("agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(measured), figsize=(10, 3), layout="constrained")
    for panel, (image_format, seconds) in zip(panels, measured.items(), strict=True):
        names = sorted(seconds, key=lambda name: median(seconds[name]), reverse=True)
        bars = panel.barh(
            [name.replace(", ", ",\n") for name in names],
            [1000 * median(seconds[name]) for name in names],
            color=["#2563eb" if name in (OURS, WARM) else "#b8bcc4" for name in names],
        )
        panel.bar_label(bars, fmt="%.0f", padding=3)
        panel.set(title=f"to {image_format.upper()}", xlabel="CPU ms a job")
        panel.margins(x=0.12)
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(DOCS / "compositor-speed.png", dpi=110)


if __name__ == "__main__":
    main()
