"""The alpha of pictures in which one colour is transparent (PNG's tRNS chunk, GIF)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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
