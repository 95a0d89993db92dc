"""A lack of memory is distinguished from a damaged file in every decoder."""

import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.compositor.colour import spaces
from tests.compositor.colour.spaces import cicp, embedded
from tests.compositor.pictures import read

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS bounds memory on Linux only")

SIDE = 3000
DECODE = """
import re, resource, sys
from compositor import CompositorError, Limits
from compositor.decoding.decode import decode
from compositor.decoding.checks import _OVERHEAD_BYTES, _FILE_COPIES, BYTES_PER_PIXEL
data = open(sys.argv[1], "rb").read()
for room in sys.argv[2:]:
    room = int(eval(room)) * {side} ** 2 + _FILE_COPIES * len(data) + _OVERHEAD_BYTES + 2**22  # pages, arenas
    used = 1024 * int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1])
    resource.setrlimit(resource.RLIMIT_AS, (used + room, resource.getrlimit(resource.RLIMIT_AS)[1]))
    try:
        print(decode(data, "mask", Limits()).image.size)
    except (CompositorError, MemoryError) as error:
        print("MemoryError" if isinstance(error, MemoryError) else error)
"""


def costly(name: str) -> bytes:
    """A file whose decoding takes the most memory that its format can take."""
    shade = np.add.outer(np.arange(SIDE), np.arange(SIDE)).astype(np.uint8)
    rgba = Image.fromarray(np.dstack([shade, shade.T[::-1], 255 - shade, shade]))
    turned = Image.Exif()
    turned[0x112] = 6
    marks = {
        "exif": turned,
        "icc_profile": Image.open(io.BytesIO(read("made/display-p3.png"))).info["icc_profile"],
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
        "avif": (rgba, "AVIF", {"speed": 10, "subsampling": "4:4:4", **marks}),
    }[name]
    out = io.BytesIO()
    image.save(out, image_format, **options)
    return out.getvalue()


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


@pytest.mark.parametrize("name", NAMES)
def test_the_checked_memory_suffices_and_less_is_an_error_before_decoding(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(costly(name))
    code = re.sub(r"\{side\}", str(SIDE), DECODE)
    rooms = ("0", "4", "12", "BYTES_PER_PIXEL - 1", "BYTES_PER_PIXEL")

    decoded = subprocess.run(
        [sys.executable, "-c", code, str(file), *rooms], capture_output=True, text=True, timeout=60
    ).stdout.splitlines()

    assert decoded == ["MemoryError"] * 4 + [f"({SIDE}, {SIDE})"]
