"""Mirrors the overlay and its mask."""

from PIL import Image

_MIRRORS = {
    "horizontal": Image.Transpose.FLIP_LEFT_RIGHT,
    "vertical": Image.Transpose.FLIP_TOP_BOTTOM,
    "both": Image.Transpose.ROTATE_180,
}


def flipped(image: Image.Image, flip: str) -> Image.Image:
    """`image` mirrored: "horizontal" swaps left and right, "vertical" top and bottom."""
    return image.transpose(_MIRRORS[flip]) if flip in _MIRRORS else image
