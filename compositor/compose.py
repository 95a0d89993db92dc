"""Puts layers on the base, and the result on a background."""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from compositor.decoding.colour import from_srgb
from compositor.geometry import Size
from compositor.layers.prepared import Pictures, Piece, PreparedLayer
from compositor.layers.tile import check_tile, put_tiles
from compositor.limits import Limits
from compositor.over import put_over
from compositor.scene import Layer


@dataclass
class Overlay:
    """A layer for all bases of size `base`: its pieces are cached for the next one.

    If the pieces have more than `kept_pixels`, they are computed again for each base; then the copies of the
    layer's pictures are cached, unless these have more than `kept_pixels`, too.
    """

    layer: Layer
    pictures: Pictures
    base: Size
    limits: Limits
    kept_pixels: int = 0
    _prepared: PreparedLayer | None = None
    _cached: list[Piece] | None = None

    def put(self, canvas: Image.Image) -> None:
        """Put it on the RGB or RGBA `canvas`, in place. Raises `ImageTooLarge` for a too large tile."""
        for piece, box in self._pieces() if self._cached is None else self._cached:
            if self.layer.tiles:
                put_tiles(canvas, piece, box[:2], self.layer.tiles.spacing, self.layer.blend_mode)
            else:
                put_over(canvas, piece, box, self.layer.blend_mode)

    def _pieces(self) -> Iterator[Piece]:
        """The pieces of the layer, or its tile as one piece."""
        prepared = self._prepared or PreparedLayer.of(self.layer, self.pictures, self.base)
        if self.layer.tiles:
            check_tile(prepared.size, self.limits, self.layer.picture)
        pieces, pixels = list[Piece](), 0
        for piece, box in [prepared.tile()] if self.layer.tiles else prepared.pieces(self.base):
            pixels += piece.width * piece.height
            if pixels <= self.kept_pixels:
                pieces.append((piece, box))
            else:
                pieces.clear()
            yield piece, box
        fits = pixels <= self.kept_pixels
        self._cached = pieces if fits else None
        keeps_copies = not fits and prepared.copied_pixels(self.pictures) <= self.kept_pixels
        self._prepared = prepared if keeps_copies else None


def on_background(
    base: Image.Image, background: str | None, image_format: str, profile: bytes = b""
) -> Image.Image:
    """RGB or RGBA `base` on `background`; by default on white for "jpeg", which has no transparency.

    `background` is in sRGB, `base` in the colour space of the ICC `profile`, empty for sRGB.
    """
    colour = background or ("#ffffff" if image_format == "jpeg" else None)
    if base.mode == "RGB" or colour is None:
        return base
    flat = Image.new("RGB", base.size, from_srgb(Image.new("RGB", (1, 1), colour), profile).getpixel((0, 0)))
    flat.paste(base, (0, 0), base)
    return flat
