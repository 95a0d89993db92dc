"""Premultiplied alpha, in which pixels with transparency must be averaged.

Averages of straight colour include the invisible colour of transparent pixels, which causes dark fringes.
Premultiplied levels are floats, so that a picture of one colour keeps exactly that colour.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]


def premultiplied(pixels: NDArray[np.uint8]) -> Floats:
    """(height, width, 3 or 4) uint8 as float32 levels, 0 to 255; with alpha, colour times alpha / 255."""
    levels = pixels.astype(np.float32)
    if levels.shape[-1] == 4:
        levels[..., :3] *= levels[..., 3:] * np.float32(1 / 255)
    return levels


def straight(levels: Floats) -> Image.Image:
    """An RGB or RGBA image of premultiplied levels.

    Levels without alpha are truncated as in the reference node; with alpha they are rounded.
    """
    if levels.shape[-1] == 3:
        return Image.fromarray(levels.astype(np.uint8))
    levels[..., :3] *= np.float32(255) / np.maximum(levels[..., 3:], np.float32(1 / 255))
    return Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
