"""Files to decode and pixels to compare."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PICTURES = Path(__file__).parent / "pictures"


def read(name: str) -> bytes:
    """The bytes of a file in pictures/."""
    return (PICTURES / name).read_bytes()


def saved(picture: np.ndarray | Image.Image, image_format: str, **options: Any) -> bytes:
    """A file of an image or of (height, width[, bands]) uint8; the options are those of `Image.save`."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    out = io.BytesIO()
    image.save(out, image_format, **options)
    return out.getvalue()


def png(picture: np.ndarray | Image.Image) -> bytes:
    return saved(picture, "PNG", compress_level=1)


def animated(frames: list[Image.Image], image_format: str, **options: Any) -> bytes:
    return saved(frames[0], image_format, save_all=True, append_images=frames[1:], **options)


def opened(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(file))


def pixels(file: bytes) -> np.ndarray:
    """(height, width, bands) int of a file that this package wrote."""
    return np.asarray(opened(file)).astype(int)


def noise(size: tuple[int, int], seed: int, bands: int = 3) -> np.ndarray:
    """(height, width, bands) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], bands)).astype(np.uint8)


def plain(size: tuple[int, int], colour: str | tuple[int, ...], mode: str = "RGB") -> bytes:
    """A PNG file of one colour."""
    return png(Image.new(mode, size, colour))


P3 = opened(read("made/display-p3.png")).info["icc_profile"]
