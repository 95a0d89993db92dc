"""Layers put on the base, touching no pixel that does not change."""

from collections.abc import Iterator

from PIL import Image

from compositor.box import Size, shifted, whole
from compositor.layers.prepared import Pictures, Piece, PreparedLayer
from compositor.layers.tile import check_tile, put_tiles
from compositor.limits import Limits
from compositor.over import put_over
from compositor.scene import Layer


class Overlay:
    """A layer on a base of a certain size, and on others alike: what it puts there is kept for the next.

    At most `kept_pixels` are kept; of more all are computed anew each time.
    """

    def __init__(
        self, layer: Layer, pictures: Pictures, base: Size, limits: Limits, kept_pixels: int = 0
    ) -> None:
        """Raises `ImageTooLarge` where one tile is beyond `limits`."""
        self._layer = layer
        self._prepared = PreparedLayer.of(layer, pictures, base)
        if layer.tiles:
            check_tile(self._prepared.size, limits, layer.picture)
        self._most = kept_pixels
        self._kept: list[Piece] | None = None

    def put(self, canvas: Image.Image) -> None:
        """Put it on the RGB or RGBA `canvas`, in place."""
        for piece, box in self._kept or self._pieces(canvas.size):
            if self._layer.tiles:
                put_tiles(canvas, piece, box[:2], self._layer.tiles.spacing, self._layer.blend_mode)
            else:
                put_over(canvas, piece, box, self._layer.blend_mode)

    def _pieces(self, base: Size) -> Iterator[Piece]:
        """What is put on the base, or the one tile."""
        kept, pixels = list[Piece](), 0
        for piece, box in self._tile() if self._layer.tiles else self._prepared.pieces(base):
            pixels += piece.width * piece.height
            if pixels <= self._most:
                kept.append((piece, box))
            else:
                kept.clear()
            yield piece, box
        self._kept = kept

    def _tile(self) -> Iterator[Piece]:
        yield self._prepared.assembled(), shifted(whole(self._prepared.size), self._prepared.at)
