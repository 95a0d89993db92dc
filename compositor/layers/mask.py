"""Masks the overlay: white shows, black hides."""

from PIL import Image, ImageChops

from compositor.box import Box, Size, size_of

_LUMINANCE = (0.2126, 0.7152, 0.0722, 0)  # Rec. 709, the weights of CSS Masking Module Level 1, 6.1.1


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
