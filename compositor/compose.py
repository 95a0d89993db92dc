"""Layers put on the base, touching no pixel that does not change."""

from PIL import Image

from compositor.box import Box, common, shifted, size_of, whole
from compositor.limits import Limits
from compositor.over import put_over
from compositor.prepared import PreparedLayer
from compositor.scene import Layer, Region
from compositor.tile import check_tile, put_tiles


def put_layer(
    canvas: Image.Image, layer: Layer, picture: Image.Image, mask: Image.Image | None, limits: Limits
) -> None:
    """Put a layer on `canvas`, in place. Images are RGB or RGBA.

    Raises `ImageTooLarge` where one tile is beyond `limits`.
    """
    area = _area(layer.region, canvas)
    prepared = PreparedLayer.of(layer, picture, mask, size_of(area))
    x, y = layer.place(prepared.size, size_of(area))
    at = (area[0] + x, area[1] + y)
    if layer.tiles:
        check_tile(prepared.size, limits, layer.picture)
        put_tiles(canvas, prepared.assembled(), at, layer.tiles.spacing, layer.blend_mode)
        return
    shows_in = common(area, whole(canvas.size)) if layer.is_clipped else whole(canvas.size)
    if shows_in:
        _put_once(canvas, prepared, at, shows_in)


def _area(region: Region | None, canvas: Image.Image) -> Box:
    """The region in pixels, at least one each way."""
    if region is None:
        return whole(canvas.size)
    left, top, width, height = region
    x, y = round(left * canvas.width), round(top * canvas.height)
    right, bottom = round((left + width) * canvas.width), round((top + height) * canvas.height)
    return (x, y, max(x + 1, right), max(y + 1, bottom))


def _put_once(canvas: Image.Image, prepared: PreparedLayer, at: tuple[int, int], shows_in: Box) -> None:
    """The part of the layer, its top-left pixel at `at`, that lies in `shows_in`."""
    seen = common(whole(prepared.size), shifted(shows_in, _back(at)))
    if seen is None:
        return
    for piece, cell in prepared.pieces(seen):
        shown = common(cell, seen) or cell
        part = piece if shown == cell else piece.crop(shifted(shown, _back(cell)))
        put_over(canvas, part, shifted(shown, at), prepared.layer.blend_mode)


def _back(by: tuple[int, int] | Box) -> tuple[int, int]:
    return (-by[0], -by[1])
