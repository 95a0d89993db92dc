"""Renders a layer cell by cell: flip, resize, rotation or warp, displacement, mask, opacity."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from compositor.geometry import Box, Size, cells, common, grown, shifted, size_of, whole
from compositor.layers.alpha import coverage, faded, masked, product
from compositor.layers.displace import Displacement
from compositor.layers.resize import resize
from compositor.layers.rotate import Turn, flipped
from compositor.layers.warp import CELL_SIDE as WARP_CELL_SIDE
from compositor.layers.warp import Warp
from compositor.scene import Layer, Region

_CELL_SIDE = 512  # pixels; limits the memory of one step

Piece = tuple[Image.Image, Box]
"""RGB or RGBA pixels, and their box on the base."""
Content = Literal["picture", "mask", "both"]
"""What to render: the picture alone, its mask alone, or the masked picture."""


@dataclass(frozen=True)
class Pictures:
    """The RGB or RGBA inputs of a layer."""

    picture: Image.Image
    mask: Image.Image | None = None
    map: Image.Image | None = None


@dataclass(frozen=True)
class PreparedLayer:
    """A layer for a base of a certain size. Its pixels are computed on demand.

    `shape` rotates or warps the picture; the top-left pixel of the result is `at` on the base. `area` is the
    box to which the layer's size and place refer.
    """

    layer: Layer
    picture: Image.Image
    cover: Image.Image | None
    shape: Turn | Warp
    at: tuple[int, int]
    area: Box
    displacement: Displacement | None

    @classmethod
    def of(cls, layer: Layer, pictures: Pictures, base: Size) -> "PreparedLayer":
        area = _area(layer.region, base)
        picture = flipped(pictures.picture, layer.flip)
        cover = coverage(flipped(pictures.mask, layer.flip), layer.inverts_mask) if pictures.mask else None
        shape, at = _shape(layer, picture.size, area)
        displacement = None
        if layer.displacement and pictures.map:
            by = layer.displacement
            displacement = Displacement.of(pictures.map, size_of(area), by.x, by.y)
        return cls(layer, picture, cover, shape, at, area, displacement)

    @property
    def size(self) -> Size:
        """Width and height after rotation or warp."""
        return self.shape.after

    def copied_pixels(self, pictures: Pictures) -> int:
        """How many pixels it holds in copies of its `pictures`."""
        originals = (pictures.picture, pictures.mask, pictures.map)
        held = (self.picture, self.cover, self.displacement.map if self.displacement else None)
        copies = [image for image in held if image and not any(image is each for each in originals)]
        return sum(image.width * image.height for image in copies)

    def pieces(self, canvas: Size) -> Iterator[Piece]:
        """The pieces that are visible on a base of size `canvas`."""
        visible = common(self.area, whole(canvas)) if self.layer.is_clipped else whole(canvas)
        if visible is None:
            return
        displacement = self.displacement
        pieces = self._displaced(displacement, visible) if displacement else self._pieces(visible, "both")
        for piece, box in pieces:
            yield faded(piece, self.layer.opacity), box

    def tile(self) -> Piece:
        """The whole layer without displacement, RGBA."""
        return faded(self._assembled(self._box, "both"), self.layer.opacity), self._box

    @property
    def _box(self) -> Box:
        return shifted(whole(self.size), self.at)

    def _pieces(self, visible: Box, content: Content) -> Iterator[Piece]:
        """The pieces in the box `visible` of the base, without displacement."""
        local = shifted(visible, _back(self.at))
        side = WARP_CELL_SIDE if isinstance(self.shape, Warp) else _CELL_SIDE
        for cell in cells(whole(self.size), side, local):
            source, shown = self.shape.source(cell), common(cell, local)
            if source and shown:
                piece = self._piece(source, cell, content)
                part = piece if shown == cell else piece.crop(shifted(shown, _back(cell)))
                yield part, shifted(shown, self.at)

    def _piece(self, source: Box, cell: Box, content: Content) -> Image.Image:
        if isinstance(self.shape, Warp):
            size = self.shape.detail(cell)
            piece = self.shape.reduced(self.picture, source, cell)
        else:
            size = self.shape.before
            piece = resize(self.picture, size, self.layer.resize_method, source)
        if content == "mask":
            piece = piece.convert("RGB")
        if content != "picture":
            piece = masked(piece, self.cover, size, source)
        return self.shape.transformed(piece, source, cell)

    def _assembled(self, box: Box, content: Content) -> Image.Image:
        image = Image.new("RGBA", size_of(box))
        for piece, at in self._pieces(box, content):
            image.paste(piece.convert("RGBA"), shifted(at, _back(box)))
        return image

    def _displaced(self, displacement: Displacement, visible: Box) -> Iterator[Piece]:
        """The displaced cells, block by block: the cells of a block share one assembled image."""
        origin = self.area[:2]
        reach = grown(self._box, (displacement.x, displacement.y))
        local = shifted(visible, _back(origin))
        for block in cells(shifted(reach, _back(origin)), _CELL_SIDE, local):
            yield from self._displaced_block(displacement, common(block, local) or block, origin)

    def _displaced_block(
        self, displacement: Displacement, block: Box, origin: tuple[int, int]
    ) -> Iterator[Piece]:
        sources = {cell: displacement.source(cell) for cell in cells(block, WARP_CELL_SIDE, block)}
        lefts, tops, rights, bottoms = zip(*sources.values(), strict=True)
        around = shifted((min(lefts), min(tops), max(rights), max(bottoms)), origin)
        needed = common(around, self._box)
        if needed is None:
            return
        picture = self._assembled(needed, "picture")
        mask = self._assembled(shifted(block, origin), "mask") if self.cover else None  # not displaced
        for cell, source in sources.items():
            piece = picture.crop(shifted(shifted(source, origin), _back(needed)))
            moved = displacement.displaced(piece, source, cell)
            if mask:
                alpha = mask.crop(shifted(cell, _back(block))).getchannel("A")
                moved.putalpha(product(moved.getchannel("A"), alpha))
            yield moved, shifted(cell, origin)


def _area(region: Region | None, base: Size) -> Box:
    if region is None:
        return whole(base)
    left, top, width, height = region
    x, y = round(left * base[0]), round(top * base[1])
    right, bottom = round((left + width) * base[0]), round((top + height) * base[1])
    return (x, y, max(x + 1, right), max(y + 1, bottom))


def _shape(layer: Layer, picture: Size, area: Box) -> tuple[Turn | Warp, tuple[int, int]]:
    """The rotation or warp of a picture of this size, and the place of its top-left pixel on the base."""
    (left, top), size = area[:2], size_of(area)
    if layer.corners:
        warp = Warp.of(picture, [(left + x * size[0], top + y * size[1]) for x, y in layer.corners])
        return warp, warp.box[:2]
    turn = Turn.of(layer.sized(picture, size), layer.degrees, layer.rotate_method)
    x, y = layer.place(turn.after, size)
    return turn, (left + x, top + y)


def _back(by: tuple[int, int] | Box) -> tuple[int, int]:
    return (-by[0], -by[1])
