"""Puts a layer on the base."""

from collections.abc import Iterator

from PIL import Image

from compositor.box import Size, shifted, whole
from compositor.layers.prepared import Pictures, Piece, PreparedLayer
from compositor.layers.tile import check_tile, put_tiles
from compositor.limits import Limits
from compositor.over import put_over
from compositor.scene import Layer


class Overlay:
    """A layer for all bases of one size: its pieces are cached for the next base.

    If the pieces have more than `kept_pixels`, they are computed again for each base; then the copies of the
    layer's pictures are cached, unless these have more than `kept_pixels`, too.
    """

    def __init__(
        self, layer: Layer, pictures: Pictures, base: Size, limits: Limits, kept_pixels: int = 0
    ) -> None:
        self._layer = layer
        self._pictures = pictures
        self._base = base
        self._limits = limits
        self._max_pixels = kept_pixels
        self._prepared: PreparedLayer | None = None
        self._cached: list[Piece] | None = None

    def put(self, canvas: Image.Image) -> None:
        """Put it on the RGB or RGBA `canvas`, in place. Raises `ImageTooLarge` for a too large tile."""
        for piece, box in self._pieces() if self._cached is None else self._cached:
            if self._layer.tiles:
                put_tiles(canvas, piece, box[:2], self._layer.tiles.spacing, self._layer.blend_mode)
            else:
                put_over(canvas, piece, box, self._layer.blend_mode)

    def _pieces(self) -> Iterator[Piece]:
        """The pieces of the layer, or its tile as one piece."""
        prepared = self._prepared or self._prepare()
        pieces, pixels = list[Piece](), 0
        for piece, box in _tile(prepared) if self._layer.tiles else prepared.pieces(self._base):
            pixels += piece.width * piece.height
            if pixels <= self._max_pixels:
                pieces.append((piece, box))
            else:
                pieces.clear()
            yield piece, box
        fits = pixels <= self._max_pixels
        self._cached = pieces if fits else None
        keeps_copies = not fits and prepared.copied_pixels(self._pictures) <= self._max_pixels
        self._prepared = prepared if keeps_copies else None

    def _prepare(self) -> PreparedLayer:
        prepared = PreparedLayer.of(self._layer, self._pictures, self._base)
        if self._layer.tiles:
            check_tile(prepared.size, self._limits, self._layer.picture)
        return prepared


def _tile(prepared: PreparedLayer) -> Iterator[Piece]:
    yield prepared.assembled(), shifted(whole(prepared.size), prepared.at)
