"""The seed example with libvips, OpenCV and sharp, from files to a file.

All use the nearest-pixel resize of `plain_pillow.py`, source-over, and JPEG at quality 95 with full chroma,
or PNG with the library's default settings.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pyvips

from benchmarks.harness.machine import ROOT
from benchmarks.harness.processes import CannotStart
from benchmarks.plain_pillow import FACTOR, X, Y

SHARP = ROOT / ".venv-peers" / "sharp"


def with_libvips(base: bytes, overlay: bytes, image_format: str) -> bytes:
    canvas = pyvips.Image.new_from_buffer(base, "")
    logo = pyvips.Image.new_from_buffer(overlay, "").resize(FACTOR, kernel="nearest")
    canvas = canvas.composite2(logo, "over", x=X, y=Y)
    if image_format == "png":
        return canvas.write_to_buffer(".png")
    return canvas.flatten().write_to_buffer(".jpg", Q=95, subsample_mode="off")


def with_opencv(base: bytes, overlay: bytes, image_format: str) -> bytes:
    canvas = cv2.imdecode(np.frombuffer(base, np.uint8), cv2.IMREAD_COLOR)
    logo = cv2.imdecode(np.frombuffer(overlay, np.uint8), cv2.IMREAD_UNCHANGED)
    height, width = (int(side * FACTOR) for side in logo.shape[:2])
    logo = cv2.resize(logo, (width, height), interpolation=cv2.INTER_NEAREST)
    box = canvas[Y : Y + height, X : X + width]
    alpha = logo[..., 3:].astype(np.float32) / 255
    box[:] = np.rint(logo[..., :3] * alpha + box * (1 - alpha))
    full = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    options = [] if image_format == "png" else [cv2.IMWRITE_JPEG_QUALITY, 95, *full]
    return cv2.imencode(f".{image_format}", canvas, options)[1].tobytes()


@contextmanager
def sharp(base: bytes, overlay: bytes) -> Iterator[Callable[[str], float]]:
    """A function from format to CPU ms of a job in a warm Node.js. Raises `CannotStart`."""
    node = shutil.which("node")
    if not node or not (SHARP / "node_modules" / "sharp").exists():
        raise CannotStart("`make bench-compositor` installs it, with npm" if node else "node is missing")
    with TemporaryDirectory() as name:
        files = [Path(name, each) for each in ("base", "overlay", "picture")]
        files[0].write_bytes(base)
        files[1].write_bytes(overlay)
        place = json.dumps({"factor": FACTOR, "x": X, "y": Y})
        command = [node, Path(__file__).with_name("rival.mjs"), SHARP, *files[:2], place]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

            def cpu_ms(image_format: str) -> float:
                assert process.stdout
                print(image_format, files[2], file=process.stdin, flush=True)
                return float(process.stdout.readline())

            yield cpu_ms
