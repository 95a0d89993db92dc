"""The alpha of an overlay: its removed background, its mask, its opacity, and premultiplied levels."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from compositor.geometry import Box, Size, size_of, whole

Floats = NDArray[np.float32]
Remove = Callable[[str, Image.Image], Image.Image]
"""Called with a model's name and an RGB or RGBA picture in sRGB, which it may modify. Returns the picture
without its background, or a mask of mode "L", white where the picture is opaque; both in the same size."""

_LUMINANCE = (0.2126, 0.7152, 0.0722, 0)  # Rec. 709, the weights of CSS Masking Module Level 1, 6.1.1


def cut_out(picture: Image.Image, model: str | None, remove: Remove | None) -> Image.Image:
    """`picture` without its background. Raises `ValueError` if the remover changes the size."""
    if model is None or remove is None:
        return picture
    result = remove(model, picture.copy())
    if result.size != picture.size:
        raise ValueError(f"the remover returned a picture of {result.size} for one of {picture.size}")
    if result.mode == "L":
        return masked(picture, result, result.size, whole(result.size))
    return result.convert("RGBA")


def coverage(mask: Image.Image, inverted: bool) -> Image.Image:
    """RGB or RGBA `mask` as one band: luminance times alpha, as in CSS Masking Module Level 1.

    With `inverted` black shows and white hides; transparent pixels always hide.
    """
    luminance = mask.convert("RGB").convert("L", _LUMINANCE)
    if inverted:
        luminance = ImageChops.invert(luminance)
    return luminance if mask.mode == "RGB" else product(luminance, mask.getchannel("A"))


def masked(piece: Image.Image, mask: Image.Image | None, size: Size, box: Box) -> Image.Image:
    """`piece`, the `box` of an overlay of `size`, with its alpha multiplied by `mask` stretched to `size`."""
    if mask is None:
        return piece
    x_scale, y_scale = mask.width / size[0], mask.height / size[1]
    part = (box[0] * x_scale, box[1] * y_scale, box[2] * x_scale, box[3] * y_scale)
    alpha = mask.resize(size_of(box), Image.Resampling.BICUBIC, part)
    if piece.mode == "RGBA":
        alpha = product(alpha, piece.getchannel("A"))
    masked = piece.copy()
    masked.putalpha(alpha)
    return masked


def product(one: Image.Image, other: Image.Image) -> Image.Image:
    """The rounded product of two bands, 255 being 1; `ImageChops.multiply` truncates."""
    levels = Image.new("L", one.size)
    levels.paste(one, mask=other)
    return levels


def faded(piece: Image.Image, opacity: float) -> Image.Image:
    """`piece` with its alpha multiplied by `opacity`, 0 to 1.

    Products are rounded, but that of an opaque pixel is truncated, as in the reference node.
    """
    if opacity == 1:
        return piece
    faded = piece.convert("RGBA")
    faded.putalpha(
        faded.getchannel("A").point([round(alpha * opacity) for alpha in range(255)] + [int(255 * opacity)])
    )
    return faded


def premultiplied(pixels: NDArray[np.uint8]) -> Floats:
    """(height, width, 3 or 4) uint8 as float32 levels, 0 to 255; with alpha, colour times alpha / 255.

    Averages of straight colour would include the invisible colour of transparent pixels, which causes dark
    fringes. The levels are floats, so that a picture of one colour keeps exactly that colour.
    """
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
