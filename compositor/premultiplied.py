"""Colour weighted by alpha, the only form in which pixels with transparency may be averaged.

Averaging straight colour lets the invisible colour of transparent pixels bleed in: dark fringes. Weighted
sums are kept as floats, so a picture of one colour keeps exactly that colour whatever its alpha does.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]


def premultiply(image: Image.Image) -> Floats:
    """RGBA `image` to (height, width, 4) float32: colour times alpha / 255, then alpha, all 0 - 255."""
    pixels = np.asarray(image).astype(np.float32)
    pixels[..., :3] *= pixels[..., 3:] * np.float32(1 / 255)
    return pixels


def unpremultiply(pixels: Floats) -> Image.Image:
    """(height, width, 4) float32 premultiplied pixels to an RGBA image, rounded to the nearest level."""
    alpha = pixels[..., 3:]
    pixels[..., :3] *= np.float32(255) / np.maximum(alpha, np.float32(1 / 255))
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8), "RGBA")


def by_band(pixels: Floats, filter: Callable[[Image.Image], Image.Image]) -> Floats:
    """`pixels` after `filter`, which sees each of the four bands as an image of mode F."""
    bands = [filter(Image.fromarray(np.ascontiguousarray(pixels[..., band]))) for band in range(4)]
    return np.stack([np.asarray(band) for band in bands], axis=-1)
