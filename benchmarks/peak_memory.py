"""Print the MB that one job adds to a process at its peak: `python -m benchmarks.peak_memory png 800 600`."""

import sys
from pathlib import Path

from benchmarks.harness.processes import status_mb
from benchmarks.seed import base_jpeg, large_jpeg, overlay_png
from compositor import Limits, SuperimposeParams, superimpose


def main(image_format: str, width: str, height: str) -> None:
    large, overlay = large_jpeg((int(width), int(height))), overlay_png()
    params = SuperimposeParams(image_format=image_format, rescale_factor=0.4, x_offset=400, y_offset=300)
    superimpose(base_jpeg(), overlay, params)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = status_mb("self", "VmRSS")
    superimpose(large, overlay, params, limits=Limits(max_bytes=1 << 30))
    print(status_mb("self", "VmHWM") - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
