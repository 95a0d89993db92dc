"""Files to decode and pixels to compare."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

PICTURES = Path(__file__).parent / "pictures"


def read(name: str) -> bytes:
    """The bytes of a file in pictures/."""
    return (PICTURES / name).read_bytes()


def png(pixels: np.ndarray | Image.Image) -> bytes:
    """A PNG file of (height, width[, bands]) uint8 `pixels`, or of an image."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def pixels(file: bytes) -> np.ndarray:
    """(height, width, bands) int of a file that this package wrote."""
    return np.asarray(Image.open(io.BytesIO(file))).astype(int)


def plain(size: tuple[int, int], colour: str | tuple[int, ...], mode: str = "RGB") -> bytes:
    """A PNG file of one colour."""
    return png(Image.new(mode, size, colour))
