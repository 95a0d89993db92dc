"""Tells whether a file is animated, without decoding a second frame."""

import struct

from PIL import Image

from compositor.animation import gif
from compositor.box import Box, Size, shifted, whole
from compositor.decoding.png import CANVAS, chunks

_ANIMATED = 2  # flag of an extended WebP (RFC 9649, 2.7)


def is_animated(image: Image.Image, data: bytes) -> bool:
    """Whether `image`, opened from the file `data`, is the first of several frames.

    PNG, WebP and AVIF declare it. The pictures of a multi-picture JPEG are not frames.
    """
    if image.format == "GIF":
        return gif.is_animated(data)
    return image.format in ("PNG", "WEBP", "AVIF") and bool(getattr(image, "is_animated", False))


def on_canvas(image: Image.Image, data: bytes) -> tuple[Size, Box]:
    """The canvas size of `image`, opened from the repaired file `data` but not loaded, and its frame's box.

    Outside the box the picture is transparent; Pillow would fill it with a colour.
    """
    if image.format == "PNG":
        at = next((at for name, at in chunks(data) if name == CANVAS), None)
        if at:
            width, height, left, top = struct.unpack_from(">4I", data, at)
            return (width, height), shifted(whole(image.size), (left, top))
    return image.size, _first_frame(image, data)


def _first_frame(image: Image.Image, data: bytes) -> Box:
    if image.format == "GIF":
        return image.tile[0].extents or whole(image.size)  # type: ignore[attr-defined]
    frame = data.find(b"ANMF", 12, 2**16) if image.format == "WEBP" else -1
    if frame < 0 or data[12:16] != b"VP8X" or not data[20] & _ANIMATED:
        return whole(image.size)
    left, top, width, height = (
        int.from_bytes(data[at : at + 3], "little") for at in range(frame + 8, frame + 20, 3)
    )
    return (2 * left, 2 * top, 2 * left + width + 1, 2 * top + height + 1)
