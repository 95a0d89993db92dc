"""A layer made ready: mirrored, resized, masked, turned and faded, one cell at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from compositor.box import Box, Size, cells, whole
from compositor.flip import flipped
from compositor.mask import coverage, masked
from compositor.opacity import faded
from compositor.resize import resize
from compositor.rotate import Turn
from compositor.scene import Layer

_CELL_SIDE = 512  # pixels; bounds the memory that one step can take


@dataclass(frozen=True)
class PreparedLayer:
    """A layer's picture and mask, and the rotation of the resized picture. Computed only when asked for."""

    layer: Layer
    picture: Image.Image
    cover: Image.Image | None
    turn: Turn

    @classmethod
    def of(cls, layer: Layer, picture: Image.Image, mask: Image.Image | None, area: Size) -> "PreparedLayer":
        """`picture` and `mask` are RGB or RGBA, `area` is the size that the layer's counts in."""
        cover = coverage(flipped(mask, layer.flip), layer.inverts_mask) if mask else None
        turn = Turn.of(layer.sized(picture.size, area), layer.degrees, layer.rotate_method)
        return cls(layer, flipped(picture, layer.flip), cover, turn)

    @property
    def size(self) -> Size:
        """Width and height after the rotation."""
        return self.turn.after

    def pieces(self, seen: Box) -> Iterator[tuple[Image.Image, Box]]:
        """The cells that hold pixels of the box `seen`, as RGB or RGBA images, and where each belongs."""
        for cell in cells(self.size, _CELL_SIDE, seen):
            source = self.turn.source(cell)
            if source is not None:
                yield self._piece(source, cell), cell

    def assembled(self) -> Image.Image:
        """All of the layer as one RGBA image."""
        image = Image.new("RGBA", self.size)
        for piece, cell in self.pieces(whole(self.size)):
            image.paste(piece.convert("RGBA"), cell)
        return image

    def _piece(self, source: Box, cell: Box) -> Image.Image:
        size = self.turn.before
        piece = resize(self.picture, size, self.layer.resize_method, source)
        piece = masked(piece, self.cover, size, source)
        piece = self.turn.turned(piece, source, cell)
        return faded(piece, self.layer.opacity)
