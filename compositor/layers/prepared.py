"""A layer made ready: mirrored, resized, turned or warped, displaced, masked, faded, one cell at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from PIL import Image

from compositor.box import Box, Size, cells, common, grown, shifted, size_of, whole
from compositor.layers.displace import Displacement
from compositor.layers.flip import flipped
from compositor.layers.mask import coverage, masked, product
from compositor.layers.opacity import faded
from compositor.layers.resize import resize
from compositor.layers.rotate import Turn
from compositor.layers.warp import CELL_SIDE as FINE_SIDE
from compositor.layers.warp import Warp
from compositor.scene import Layer, Point, Region

_CELL_SIDE = 512  # pixels; bounds the memory that one step can take

Piece = tuple[Image.Image, Box]
"""RGB or RGBA pixels, and the box of the base that they are put on."""


@dataclass(frozen=True)
class Pictures:
    """What a layer is made of, RGB or RGBA each."""

    picture: Image.Image
    mask: Image.Image | None = None
    map: Image.Image | None = None


class Of(Enum):
    """What pixels are made of: the picture, its mask, or one under the other."""

    PICTURE = auto()
    MASK = auto()
    BOTH = auto()


@dataclass(frozen=True)
class PreparedLayer:
    """A layer for a base of a certain size. Its pixels are computed only when asked for.

    `shape` turns or warps the picture; what comes out has its top-left pixel at `at` on the base. `area` is
    the box that the layer's places count in.
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
        """The layer that `pictures` make on a base of size `base`."""
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
        """Width and height, once turned or warped."""
        return self.shape.after

    def copied_pixels(self, pictures: Pictures) -> int:
        """How many pixels it holds besides those of the `pictures` that it was made of."""
        given = (pictures.picture, pictures.mask, pictures.map)
        held = (self.picture, self.cover, self.displacement.map if self.displacement else None)
        copies = [image for image in held if image and not any(image is each for each in given)]
        return sum(image.width * image.height for image in copies)

    def pieces(self, canvas: Size) -> Iterator[Piece]:
        """All that a base of size `canvas` shows of it."""
        seen = common(self.area, whole(canvas)) if self.layer.is_clipped else whole(canvas)
        if seen is None:
            return
        for piece, box in self._displaced(seen) if self.displacement else self._pieces(seen, Of.BOTH):
            yield faded(piece, self.layer.opacity), box

    def assembled(self) -> Image.Image:
        """All of it as one RGBA image, not displaced."""
        return faded(self._assembled((*self.at, *_corner(self.at, self.size)), Of.BOTH), self.layer.opacity)

    def _pieces(self, seen: Box, of: Of) -> Iterator[Piece]:
        """The box `seen` of the base, not displaced."""
        local = shifted(seen, _back(self.at))
        side = FINE_SIDE if isinstance(self.shape, Warp) else _CELL_SIDE
        for cell in cells(whole(self.size), side, local):
            source, shown = self.shape.source(cell), common(cell, local)
            if source and shown:
                piece = self._piece(source, cell, of)
                part = piece if shown == cell else piece.crop(shifted(shown, _back(cell)))
                yield part, shifted(shown, self.at)

    def _piece(self, source: Box, cell: Box, of: Of) -> Image.Image:
        if isinstance(self.shape, Warp):
            size = self.shape.detail(cell)
            piece = self.shape.reduced(self.picture, source, cell)
        else:
            size = self.shape.before
            piece = resize(self.picture, size, self.layer.resize_method, source)
        if of is Of.MASK:
            piece = piece.convert("RGB")
        if of is not Of.PICTURE:
            piece = masked(piece, self.cover, size, source)
        return self.shape.turned(piece, source, cell)

    def _assembled(self, box: Box, of: Of) -> Image.Image:
        """The box of the base as one RGBA image."""
        image = Image.new("RGBA", size_of(box))
        for piece, at in self._pieces(box, of):
            image.paste(piece.convert("RGBA"), shifted(at, _back(box)))
        return image

    def _displaced(self, seen: Box) -> Iterator[Piece]:
        """Cell by cell, the cells of a large one made of one assembled image. The mask is not displaced."""
        by, origin = self.layer.displacement, self.area[:2]
        if by is None:
            return
        reach = grown((*self.at, *_corner(self.at, self.size)), (by.x, by.y))
        local = shifted(seen, _back(origin))
        for block in cells(shifted(reach, _back(origin)), _CELL_SIDE, local):
            yield from self._displaced_block(common(block, local) or block, origin)

    def _displaced_block(self, block: Box, origin: tuple[int, int]) -> Iterator[Piece]:
        displacement = self.displacement
        if displacement is None:
            return
        sources = {cell: displacement.source(cell) for cell in cells(block, FINE_SIDE, block)}
        lefts, tops, rights, bottoms = zip(*sources.values(), strict=True)
        around = shifted((min(lefts), min(tops), max(rights), max(bottoms)), origin)
        held = common(around, (*self.at, *_corner(self.at, self.size)))
        if held is None:
            return
        picture = self._assembled(held, Of.PICTURE)
        stencil = self._assembled(shifted(block, origin), Of.MASK) if self.cover else None
        for cell, source in sources.items():
            piece = picture.crop(shifted(shifted(source, origin), _back(held)))
            moved = displacement.displaced(piece, source, cell)
            if stencil:
                hidden = stencil.crop(shifted(cell, _back(block))).getchannel("A")
                moved.putalpha(product(moved.getchannel("A"), hidden))
            yield moved, shifted(cell, origin)


def _area(region: Region | None, base: Size) -> Box:
    """The region in pixels, at least one each way."""
    if region is None:
        return whole(base)
    left, top, width, height = region
    x, y = round(left * base[0]), round(top * base[1])
    right, bottom = round((left + width) * base[0]), round((top + height) * base[1])
    return (x, y, max(x + 1, right), max(y + 1, bottom))


def _shape(layer: Layer, picture: Size, area: Box) -> tuple[Turn | Warp, tuple[int, int]]:
    """What becomes of a picture of that size, and where on the base its top-left pixel is."""
    if layer.corners:
        warp = Warp.of(picture, [_within(area, corner) for corner in layer.corners])
        return warp, (warp.box[0], warp.box[1])
    turn = Turn.of(layer.sized(picture, size_of(area)), layer.degrees, layer.rotate_method)
    x, y = layer.place(turn.after, size_of(area))
    return turn, (area[0] + x, area[1] + y)


def _within(area: Box, point: Point) -> Point:
    """A point given in fractions of the area, in pixels of the base."""
    width, height = size_of(area)
    return (area[0] + point[0] * width, area[1] + point[1] * height)


def _corner(at: tuple[int, int], size: Size) -> tuple[int, int]:
    """The bottom-right corner of a box of `size`."""
    return (at[0] + size[0], at[1] + size[1])


def _back(by: tuple[int, int] | Box) -> tuple[int, int]:
    return (-by[0], -by[1])
