"""JPEG files by a decoder that tells whether all pixels are in the file, and is faster than Pillow's."""

import re

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from compositor.jpeg import cut_between_scans, ended, mended

_METADATA = {*range(0xE1, 0xEE), 0xEF, 0xFE}  # not JFIF's APP0 and Adobe's APP14: they tell the colours
_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}  # by Pillow's mode
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
    essential = ended(mended(data, _METADATA))
    if cut_between_scans(essential):
        raise ValueError("the last scans are missing")
    try:
        decoded = _decoded(essential, _SPACES[image.mode])
    except ValueError as error:
        if _UNKNOWN_SAMPLING in str(error):
            return None
        raise
    order = "CMYK;I" if image.mode == "CMYK" else image.mode  # Adobe's, inverted, as Pillow takes it
    return Image.frombuffer(image.mode, image.size, decoded, "raw", order, 0, 1)


def _decoded(data: bytes, space: str) -> NDArray[np.uint8]:
    """(height, width, bands). Raises `ValueError`, libjpeg's first complaint, where pixels are missing."""
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, space, strict=True)
    except ValueError as error:
        if _PIXELS_MISSING.search(str(error)):
            raise
        pixels = simplejpeg.decode_jpeg(data, space, strict=False)
    return pixels
