"""The overlay put on the base, touching no pixel that does not change."""

from PIL import Image

from compositor.box import Box, common, shifted, whole
from compositor.layer import Layer
from compositor.limits import Limits
from compositor.over import put_over
from compositor.params import SuperimposeParams
from compositor.place import corner
from compositor.tile import check_tile, put_tiles


def compose(
    canvas: Image.Image,
    overlay: Image.Image,
    mask: Image.Image | None,
    params: SuperimposeParams,
    limits: Limits,
) -> None:
    """Put `overlay` on `canvas`, in place. Images are RGB or RGBA.

    Raises `ImageTooLarge` where one tile is beyond `limits`.
    """
    layer = Layer.of(overlay, mask, canvas.size, params)
    at = corner(params, layer.size, canvas.size)
    if params.tile:
        check_tile(layer.size, limits)
        put_tiles(canvas, layer.assembled(), at, params.tile_spacing, params.blend_mode)
    else:
        _put_once(canvas, layer, at)


def _put_once(canvas: Image.Image, layer: Layer, at: tuple[int, int]) -> None:
    """The part of `layer` that lies on `canvas`, its top-left pixel at `at`."""
    seen = common(whole(layer.size), shifted(whole(canvas.size), _back(at)))
    if seen is None:
        return
    for piece, cell in layer.pieces(seen):
        shown = common(cell, seen) or cell
        part = piece if shown == cell else piece.crop(shifted(shown, _back(cell)))
        put_over(canvas, part, shifted(shown, at), layer.params.blend_mode)


def _back(by: tuple[int, int] | Box) -> tuple[int, int]:
    return (-by[0], -by[1])
