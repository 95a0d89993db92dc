"""The overlay without its background, by a model from outside."""

from collections.abc import Callable

from PIL import Image

from compositor.box import whole
from compositor.layers.mask import masked

Remove = Callable[[str, Image.Image], Image.Image]
"""Given a model's name and an RGB or RGBA picture in sRGB, which it may change: that picture without its
background, or a mask of mode "L", white where it is to be kept. Either has the picture's size."""


def cut_out(picture: Image.Image, model: str | None, remove: Remove | None) -> Image.Image:
    """RGB or RGBA `picture` as `remove` makes it, unchanged without a model or `remove`.

    Raises `ValueError` for a picture of another size.
    """
    if model is None or remove is None:
        return picture
    made = remove(model, picture.copy())
    if made.size != picture.size:
        raise ValueError(f"the remover made a picture of {made.size} of one of {picture.size}")
    return masked(picture, made, made.size, whole(made.size)) if made.mode == "L" else made.convert("RGBA")
