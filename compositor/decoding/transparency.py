"""What is transparent in a picture: one colour (PNG's tRNS chunk, GIF), and all outside its first frame."""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from compositor.decoding.png import CANVAS, chunks
from compositor.geometry import Box, Size, shifted, size_of, whole

_ANIMATED = 2  # flag of an extended WebP (RFC 9649, 2.7)
_LEVELS = {"L;2": 85, "L;4": 17}  # Pillow scales 2 and 4 bits to 0 - 255, but not the key


def colour_key(image: Image.Image) -> Any:
    """The transparent grey level or (red, green, blue) of `image`, opened but not loaded; None without one.

    It is in the units of the loaded pixels. Pillow converts the alpha of palettes itself.
    """
    key = image.info.get("transparency")
    if image.mode not in ("1", "L", "I;16", "RGB") or not isinstance(key, int | tuple):
        return None
    rawmode = str(getattr(image, "tile", None) and image.tile[0].args)  # type: ignore[attr-defined]
    return key if isinstance(key, tuple) else key * _LEVELS.get(rawmode, 1)


def keyed_alpha(image: Image.Image | NDArray[np.uint16], key: Any) -> Image.Image:
    """An alpha band, 0 where the loaded `image`, or (height, width, bands) levels, has the colour `key`."""
    if isinstance(image, Image.Image) and image.mode == "1":
        image = image.convert("L")
    pixels = np.asarray(image)
    same = pixels == np.asarray(key)
    transparent = same.all(axis=-1) if same.ndim == 3 else same
    return Image.fromarray(np.where(transparent, np.uint8(0), np.uint8(255)))


def on_canvas(image: Image.Image, data: bytes) -> tuple[Size, Box]:
    """The canvas size of `image`, opened from the repaired file `data` but not loaded, and its frame's box.

    Outside the box the picture is transparent; Pillow would fill it with a colour.
    """
    if image.format == "PNG":
        canvas = next((data[content] for name, content in chunks(data) if name == CANVAS), None)
        if canvas:
            width, height, left, top = struct.unpack(">4I", canvas)
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


def on_transparent(image: Image.Image, frame: Box, canvas: Size) -> Image.Image:
    """`image`, cropped to `frame` if it is larger, in the box `frame` of a transparent `canvas`."""
    result = Image.new("RGBA", canvas)
    result.paste(image if image.size == size_of(frame) else image.crop(frame), frame)
    return result
