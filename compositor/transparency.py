"""The alpha of pictures that name one colour to be transparent (PNG's tRNS chunk, GIF)."""

from typing import Any

import numpy as np
from PIL import Image

_LEVELS = {"L;2": 85, "L;4": 17}  # Pillow spreads 2 and 4 bits over 0 - 255, but not the key beside them


def colour_key(image: Image.Image) -> Any:
    """The transparent grey level or (red, green, blue) of `image`, opened but not loaded; None without one.

    In the units of the loaded pixels. Palettes keep their own alpha, which Pillow converts.
    """
    key = image.info.get("transparency")
    if image.mode not in ("1", "L", "I;16", "RGB") or not isinstance(key, int | tuple):
        return None
    rawmode = str(getattr(image, "tile", None) and image.tile[0].args)  # type: ignore[attr-defined]
    if isinstance(key, tuple):
        return tuple(level >> 8 for level in key) if ";16" in rawmode else key
    return key * _LEVELS.get(rawmode, 1)


def keyed_alpha(image: Image.Image, key: Any) -> Image.Image:
    """A band as large as the loaded `image`: 0 where it has the colour `key`, else 255."""
    pixels = np.asarray(image.convert("L") if image.mode == "1" else image)
    same = pixels == np.asarray(key)
    transparent = same.all(axis=-1) if same.ndim == 3 else same
    return Image.fromarray(np.where(transparent, np.uint8(0), np.uint8(255)))
