"""JPEG files by a decoder that tells whether all pixels are in the file, and is as fast as Pillow's."""

import re
import threading
from contextlib import suppress

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from compositor.decoding.jpeg import cut_between_scans, ended, mended

_METADATA = {*range(0xE1, 0xEE), 0xEF, 0xFE}  # not JFIF's APP0 and Adobe's APP14: they tell the colours
_LAYOUTS = {"L": ("GRAY", "L"), "RGB": ("RGBX", "RGBX"), "CMYK": ("CMYK", "CMYK;I")}
"""What to ask TurboJPEG for, by mode, and how to name it to Pillow. All CMYK is Adobe's: inverted."""
_SCRATCH_MAX_BYTES = 16 * 1024 * 1024  # 4 megapixels
_kept = threading.local()
_UNKNOWN_SAMPLING = "Could not determine subsampling level"
_PIXELS_MISSING = re.compile(
    "premature end|bad (huffman|arithmetic) code|instead of RST|extraneous bytes before marker 0x(?!d9)",
    re.IGNORECASE,
)
"""Of the warnings in libjpeg's jerror.h, those at which it makes pixels up: it reads on behind lost bytes.

Stray bytes before the end marker are padding that many cameras write.
"""


def jpeg_pixels(image: Image.Image, data: bytes) -> Image.Image | None:
    """The pixels of `image`, opened from the JPEG file `data`; None where it is no JPEG TurboJPEG can decode.

    Raises `ValueError` where some of them are not in the file: libjpeg would make them up.
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
    """A buffer of this thread's, kept: memory taken anew for each file costs more than TurboJPEG saves."""
    if nbytes > _SCRATCH_MAX_BYTES:
        return None
    if len(getattr(_kept, "scratch", b"")) < nbytes:
        _kept.scratch = bytearray(nbytes)
    scratch: bytearray = _kept.scratch
    return scratch


def _decoded(data: bytes, space: str, buffer: bytearray | None) -> NDArray[np.uint8]:
    """(height, width, bands). Raises `ValueError`, libjpeg's complaint, where pixels are missing.

    It tells its first complaint only, so that one of the metadata must not come before one of the pixels.
    """
    pixels: NDArray[np.uint8]
    with suppress(ValueError):
        pixels = simplejpeg.decode_jpeg(data, space, strict=True, buffer=buffer)
        return pixels
    data = mended(data, _METADATA)
    try:
        pixels = simplejpeg.decode_jpeg(data, space, strict=True, buffer=buffer)
    except ValueError as error:
        if _PIXELS_MISSING.search(str(error)):
            raise
        pixels = simplejpeg.decode_jpeg(data, space, strict=False, buffer=buffer)
    return pixels
