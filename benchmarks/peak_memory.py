"""Print the MB that one job adds to a process at its peak: `python -m benchmarks.peak_memory png 800 600`."""

import sys
from pathlib import Path

from benchmarks.seed import base_jpeg, large_jpeg, overlay_png
from compositor import Limits, SuperimposeParams, superimpose


def main(image_format: str, width: str, height: str) -> None:
    large, overlay = large_jpeg((int(width), int(height))), overlay_png()
    params = SuperimposeParams(image_format=image_format, rescale_factor=0.4, x_offset=400, y_offset=300)
    superimpose(base_jpeg(), overlay, params)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = _kilobytes("VmRSS")
    superimpose(large, overlay, params, limits=Limits(max_bytes=1 << 30))
    print((_kilobytes("VmHWM") - before) * 1024 / 1e6)


def _kilobytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


if __name__ == "__main__":
    main(*sys.argv[1:])
