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

    At most `kept_pixels` are kept; of more all are computed anew each time. Copies of its pictures are held
    in between if they have no more.
    """

    def __init__(
        self, layer: Layer, pictures: Pictures, base: Size, limits: Limits, kept_pixels: int = 0
    ) -> None:
        self._layer = layer
        self._pictures = pictures
        self._base = base
        self._limits = limits
        self._most = kept_pixels
        self._prepared: PreparedLayer | None = None
        self._kept: list[Piece] | None = None

    def put(self, canvas: Image.Image) -> None:
        """Put it on the RGB or RGBA `canvas`, in place. Raises `ImageTooLarge` for a tile beyond limits."""
        for piece, box in self._pieces() if self._kept is None else self._kept:
            if self._layer.tiles:
                put_tiles(canvas, piece, box[:2], self._layer.tiles.spacing, self._layer.blend_mode)
            else:
                put_over(canvas, piece, box, self._layer.blend_mode)

    def _pieces(self) -> Iterator[Piece]:
        """What is put on the base, or the one tile."""
        prepared = self._prepared or self._made_ready()
        kept, pixels = list[Piece](), 0
        for piece, box in _tile(prepared) if self._layer.tiles else prepared.pieces(self._base):
            pixels += piece.width * piece.height
            if pixels <= self._most:
                kept.append((piece, box))
            else:
                kept.clear()
            yield piece, box
        is_kept = pixels <= self._most
        self._kept = kept if is_kept else None
        is_held = not is_kept and prepared.copied_pixels(self._pictures) <= self._most
        self._prepared = prepared if is_held else None

    def _made_ready(self) -> PreparedLayer:
        prepared = PreparedLayer.of(self._layer, self._pictures, self._base)
        if self._layer.tiles:
            check_tile(prepared.size, self._limits, self._layer.picture)
        return prepared


def _tile(prepared: PreparedLayer) -> Iterator[Piece]:
    yield prepared.assembled(), shifted(whole(prepared.size), prepared.at)
