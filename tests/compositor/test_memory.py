"""A lack of memory is distinguished from a damaged file in every decoder."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.compositor.colour import spaces
from tests.compositor.colour.spaces import cicp, embedded
from tests.compositor.pictures import P3, saved

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS bounds memory on Linux only")

SIDE = 3000
ROOMS = ("0", "4", "12", "BYTES_PER_PIXEL - 1", "BYTES_PER_PIXEL")
"""Bytes per pixel that the process may still take."""
DECODE = f"""
import os, re, resource, sys
from compositor import CompositorError, Limits
from compositor.decoding.decode import decode
from compositor.decoding.checks import _OVERHEAD_BYTES, _FILE_COPIES, BYTES_PER_PIXEL
for path in sys.argv[1:]:
    if os.fork():
        os.wait()
        continue
    data, answers = open(path, "rb").read(), []
    for room in {ROOMS}:
        room = int(eval(room)) * {SIDE} ** 2 + _FILE_COPIES * len(data) + _OVERHEAD_BYTES
        used = 1024 * int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1])
        limit = used + room + 2**22  # pages, arenas
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
        try:
            answers.append(str(decode(data, "mask", Limits()).image.size))
        except (CompositorError, MemoryError) as error:
            answers.append("MemoryError" if isinstance(error, MemoryError) else str(error))
    print(os.path.basename(path), "; ".join(answers), sep=": ", flush=True)
    break
"""


def costly(name: str) -> bytes:
    """A file whose decoding takes the most memory that its format can take."""
    shade = np.add.outer(np.arange(SIDE), np.arange(SIDE)).astype(np.uint8)
    rgba = Image.fromarray(np.dstack([shade, shade.T[::-1], 255 - shade, shade]))
    turned = Image.Exif()
    turned[0x112] = 6
    marks = {
        "exif": turned,
        "icc_profile": P3,
    }
    if name in ("png-16-bit-p3-turned", "png-16-bit-hdr"):
        space = cicp(9, 18) if name == "png-16-bit-hdr" else embedded(marks["icc_profile"])
        exif = (b"eXIf", turned.tobytes().removeprefix(b"Exif\0\0"))
        return spaces.png(np.asarray(rgba).astype(np.uint16) * 257, space, exif)
    image, image_format, options = {
        "jpeg-progressive-cmyk": (
            rgba.convert("RGB").convert("CMYK"),
            "JPEG",
            {"progressive": True, "quality": 100},
        ),
        "png": (rgba, "PNG", {"compress_level": 1}),
        "png-turned": (rgba, "PNG", {"compress_level": 1, **marks}),
        "png-16-bit": (Image.fromarray(shade.astype(np.uint16) * 257), "PNG", {"compress_level": 1}),
        "gif": (Image.fromarray(shade).convert("P"), "GIF", {"transparency": 3}),
        "webp": (rgba, "WEBP", {"method": 0, **marks}),
        "avif": (rgba, "AVIF", {"speed": 10, "quality": 20, "subsampling": "4:4:4", **marks}),
    }[name]
    return saved(image, image_format, **options)


NAMES = (
    "jpeg-progressive-cmyk",
    "png",
    "png-turned",
    "png-16-bit",
    "png-16-bit-p3-turned",
    "png-16-bit-hdr",
    "gif",
    "webp",
    "avif",
)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What decoding each file returns or raises with one room after the other."""
    folder = tmp_path_factory.mktemp("costly")
    for name in NAMES:
        (folder / name).write_bytes(costly(name))
    command = [sys.executable, "-c", DECODE, *(str(folder / name) for name in NAMES)]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=300).stdout.splitlines()
    return dict(line.split(": ", 1) for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_the_checked_memory_suffices_and_less_is_an_error_before_decoding(
    name: str, answers: dict[str, str]
) -> None:
    assert answers.get(name) == "; ".join(["MemoryError"] * 4 + [f"({SIDE}, {SIDE})"])
