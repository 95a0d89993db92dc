"""Layers put on the base, touching no pixel that does not change."""

from PIL import Image

from compositor.layers.prepared import Pictures, PreparedLayer
from compositor.layers.tile import check_tile, put_tiles
from compositor.limits import Limits
from compositor.over import put_over
from compositor.scene import Layer


def put_layer(canvas: Image.Image, layer: Layer, pictures: Pictures, limits: Limits) -> None:
    """Put a layer on the RGB or RGBA `canvas`, in place.

    Raises `ImageTooLarge` where one tile is beyond `limits`.
    """
    prepared = PreparedLayer.of(layer, pictures, canvas.size)
    if layer.tiles:
        check_tile(prepared.size, limits, layer.picture)
        put_tiles(canvas, prepared.assembled(), prepared.at, layer.tiles.spacing, layer.blend_mode)
        return
    for piece, box in prepared.pieces(canvas.size):
        put_over(canvas, piece, box, layer.blend_mode)
