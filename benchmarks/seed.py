"""The seed example of all benchmarks: a photo and a noisy logo, generated deterministically.

A JPEG of 1024 x 1024 and about 195 KB, and a PNG of 640 x 640 RGBA and about 600 KB, scaled by 0.4.
"""

import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

PARAMS: dict[str, Any] = {"rescale_factor": 0.4, "x_offset": 380, "y_offset": 300}

PHOTO = Path(__file__).parent / "pictures" / "coffee.jpg"  # CC0, see ORIGIN.md beside it


@cache
def base_jpeg() -> bytes:
    return encode(_grainy((1024, 1024), amplitude=5.2), "JPEG", quality=87)


@cache
def overlay_png() -> bytes:
    """Noise inside a disc with a soft edge."""
    logo = _grainy((640, 640), amplitude=1.2)
    disc = Image.fromarray(_soft_disc(640))
    logo.paste("black", mask=ImageOps.invert(disc.point(lambda alpha: 255 * (alpha > 0))))
    logo.putalpha(disc)
    return encode(logo, "PNG")


def large_jpeg(size: tuple[int, int]) -> bytes:
    """The enlarged photo, whose file is small for its pixels."""
    return encode(_photo(size), "JPEG", quality=87)


def _photo(size: tuple[int, int]) -> Image.Image:
    return ImageOps.fit(Image.open(PHOTO), size, Image.Resampling.BICUBIC)


def encode(picture: Image.Image, image_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, image_format, **options)
    return out.getvalue()


def _grainy(size: tuple[int, int], amplitude: float) -> Image.Image:
    grain = np.random.default_rng(7).normal(0, amplitude, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(_photo(size)) + grain, 0, 255).astype(np.uint8))


def _soft_disc(side: int) -> np.ndarray:
    """(side, side) uint8 alpha: opaque in the middle, fading over 40 pixels to nothing in the corners."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    alpha: np.ndarray = np.clip((side / 2 - np.hypot(x, y)) / 40 * 255, 0, 255).astype(np.uint8)
    return alpha
