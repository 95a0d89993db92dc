"""Decodes JPEG files with TurboJPEG, and reads with which tables and subsampling they are coded.

TurboJPEG reports missing pixels and is as fast as Pillow.
"""

import re
import threading
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from compositor.decoding.jpeg import cut_between_scans, ended, repaired

_METADATA = {*range(0xE1, 0xEE), 0xEF, 0xFE}  # not JFIF's APP0 and Adobe's APP14, which define the colours
_LAYOUTS = {"L": ("GRAY", "L"), "RGB": ("RGBX", "RGBX"), "CMYK": ("CMYK", "CMYK;I")}
"""TurboJPEG's pixel format and Pillow's raw mode by image mode. All CMYK is inverted, as Adobe writes it."""
_SCRATCH_MAX_BYTES = 16 * 1024 * 1024  # 4 megapixels
_buffers = threading.local()
_UNKNOWN_SAMPLING = "Could not determine subsampling level"
_PIXELS_MISSING = re.compile(
    "premature end|bad (huffman|arithmetic) code|instead of RST|extraneous bytes before marker 0x(?!d9)",
    re.IGNORECASE,
)
"""The warnings in libjpeg's jerror.h after which it invents pixels for lost bytes.

Extraneous bytes before the end marker do not count: many cameras write such padding.
"""


def jpeg_pixels(image: Image.Image, data: bytes) -> Image.Image | None:
    """The pixels of `image`, opened from the JPEG file `data`; None if TurboJPEG cannot decode it.

    Raises `ValueError` if pixels are missing in the file: libjpeg would invent them.
    """
    if image.format not in ("JPEG", "MPO"):
        return None
    if cut_between_scans(data):
        raise ValueError("the last scans are missing")
    space, layout = _LAYOUTS[image.mode]
    try:
        decoded = _decoded(ended(data), space, _scratch(4 * image.width * image.height))
    except ValueError as error:
        if _UNKNOWN_SAMPLING in str(error):
            return None
        raise
    pixels = Image.new(image.mode, image.size, None)  # not cleared
    pixels.frombytes(decoded, "raw", layout)
    return pixels


def _scratch(nbytes: int) -> bytearray | None:
    """A buffer that this thread reuses: a new allocation per file costs more than TurboJPEG saves."""
    if nbytes > _SCRATCH_MAX_BYTES:
        return None
    if len(getattr(_buffers, "scratch", b"")) < nbytes:
        _buffers.scratch = bytearray(nbytes)
    scratch: bytearray = _buffers.scratch
    return scratch


def _decoded(data: bytes, space: str, buffer: bytearray | None) -> NDArray[np.uint8]:
    """(height, width, bands). Raises `ValueError` with libjpeg's warning if pixels are missing.

    libjpeg reports only its first warning, so the metadata is removed lest a warning about it hide that.
    """
    pixels: NDArray[np.uint8]
    with suppress(ValueError):
        pixels = simplejpeg.decode_jpeg(data, space, strict=True, buffer=buffer)
        return pixels
    data = repaired(data, _METADATA)
    try:
        pixels = simplejpeg.decode_jpeg(data, space, strict=True, buffer=buffer)
    except ValueError as error:
        if _PIXELS_MISSING.search(str(error)):
            raise
        pixels = simplejpeg.decode_jpeg(data, space, strict=False, buffer=buffer)
    return pixels


class JpegCoding(NamedTuple):
    """Quantisation tables of luminance and chrominance, 64 steps each, and Pillow's subsampling number."""

    tables: tuple[tuple[int, ...], ...]
    subsampling: int


def coding_of(image: Image.Image) -> JpegCoding | None:
    """The coding of a file opened as `image`; None if it is not a JPEG.

    Subsampling that Pillow cannot write, and that of a grey picture, becomes 4:4:4, which loses nothing.
    Steps above 255, which many decoders cannot read, become 255.
    """
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return None
    by_component = [image.quantization.get(table) for *_, table in image.layer]
    tables = [tuple(min(255, step) for step in table) for table in by_component if table]
    if not tables:
        return None
    chrominance = tables[1] if len(tables) > 2 else tables[0]
    return JpegCoding((tables[0], chrominance), max(0, JpegImagePlugin.get_sampling(image)))
