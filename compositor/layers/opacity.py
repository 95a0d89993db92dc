"""Applies the opacity of a layer."""

from PIL import Image


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
