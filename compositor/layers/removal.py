"""Removes the background of an overlay by an external model."""

from collections.abc import Callable

from PIL import Image

from compositor.box import whole
from compositor.layers.mask import masked

Remove = Callable[[str, Image.Image], Image.Image]
"""Called with a model's name and an RGB or RGBA picture in sRGB, which it may modify. Returns the picture
without its background, or a mask of mode "L", white where the picture is opaque; both in the same size."""


def cut_out(picture: Image.Image, model: str | None, remove: Remove | None) -> Image.Image:
    """RGB or RGBA `picture` without its background; unchanged without a `model` or `remove`.

    Raises `ValueError` if the result has another size.
    """
    if model is None or remove is None:
        return picture
    result = remove(model, picture.copy())
    if result.size != picture.size:
        raise ValueError(f"the remover returned a picture of {result.size} for one of {picture.size}")
    if result.mode == "L":
        return masked(picture, result, result.size, whole(result.size))
    return result.convert("RGBA")
