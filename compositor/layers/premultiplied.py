"""Colour weighted by alpha, the only form in which pixels with transparency may be averaged.

Averaging straight colour lets the invisible colour of transparent pixels bleed in: dark fringes. Weighted
sums are kept as floats, so a picture of one colour keeps exactly that colour whatever its alpha does.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]


def premultiplied(pixels: NDArray[np.uint8]) -> Floats:
    """(height, width, 3 or 4) uint8 as float32 levels, 0 - 255, colour times alpha / 255 if there is any."""
    levels = pixels.astype(np.float32)
    if levels.shape[-1] == 4:
        levels[..., :3] *= levels[..., 3:] * np.float32(1 / 255)
    return levels


def straight(levels: Floats) -> Image.Image:
    """Premultiplied levels to an RGB or RGBA image.

    Opaque levels are truncated, as the reference truncates them; with alpha they are rounded.
    """
    if levels.shape[-1] == 3:
        return Image.fromarray(levels.astype(np.uint8))
    levels[..., :3] *= np.float32(255) / np.maximum(levels[..., 3:], np.float32(1 / 255))
    return Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
