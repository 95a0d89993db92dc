"""What a picture is made of: a base, the layers on it, and how it is answered. Light: loads no decoder."""

from collections.abc import Callable
from dataclasses import dataclass

from compositor.box import Size
from compositor.size import unchanged

Sizing = Callable[[Size, Size], Size]
"""Of an overlay's size and that of its area: width and height of the overlay, before it is rotated."""

Placing = Callable[[Size, Size], tuple[int, int]]
"""Of a layer's size, after the rotation, and that of its area: where in the area its top-left pixel is."""

Point = tuple[float, float]
Region = tuple[float, ...]
"""Left, top, width and height in fractions of the base."""


@dataclass(frozen=True)
class Tiles:
    """Repeats a layer over the whole base, `spacing` pixels apart both ways."""

    spacing: int = 0


@dataclass(frozen=True)
class Displacement:
    """Moves pixels by a map, the name of an input that is stretched over the layer's area.

    A red value of 0 moves what shows there right by `x` pixels, 255 left by as many, 128 not at all; green
    moves it down and up by `y`.
    """

    map: str
    x: float = 0
    y: float = 0


@dataclass(frozen=True)
class Layer:
    """An input, by its name, or a colour, "#rgb" or "#rrggbb", put on the base.

    In the order they apply: `removal`, the name of a model that takes the picture's background away, `flip`,
    `size` by `resize_method`, `degrees` counter-clockwise by `rotate_method`, or `corners` in place of size,
    degrees and place; `displacement`, `mask` (which goes with all but the displacement), `opacity`, 0 - 1,
    `blend_mode`. `region` is the area that `size`, `place`, `corners` and `displacement` count in, None for
    the base; with `is_clipped` nothing shows outside of it.

    `corners` are where the layer's own lie, in fractions of the area: a convex quadrilateral, clockwise from
    the top left.
    """

    place: Placing
    picture: str = ""
    removal: str | None = None
    colour: str | None = None
    mask: str | None = None
    inverts_mask: bool = False
    flip: str = "none"
    size: Sizing = unchanged
    resize_method: str = "nearest-exact"
    degrees: float = 0
    rotate_method: str = "bicubic"
    region: Region | None = None
    is_clipped: bool = False
    tiles: Tiles | None = None
    corners: tuple[Point, ...] | None = None
    displacement: Displacement | None = None
    opacity: float = 1
    blend_mode: str = "normal"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs that it is made of."""
        displacement = self.displacement.map if self.displacement else ""
        return tuple(filter(None, (self.picture, self.mask, displacement)))

    def sized(self, overlay: Size, area: Size) -> Size:
        """The overlay's size before it is rotated, at least 1 pixel each way."""
        width, height = self.size(overlay, area)
        return (max(1, width), max(1, height))


@dataclass(frozen=True)
class Answer:
    """The file that is made; `background` is a colour under a transparent base.

    `quality` None codes a JPEG as the base is coded, which must be one. With `keeps_animation` the layers are
    put on all frames of the base.
    """

    image_format: str = "jpeg"
    quality: int | None = 95
    background: str | None = None
    keeps_copyright: bool = False
    keeps_profile: bool = False
    keeps_animation: bool = False


@dataclass(frozen=True)
class Scene:
    """The base, the name of an input, and layers, the last on top."""

    base: str
    layers: tuple[Layer, ...]
    answer: Answer = Answer()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs, each once, in the order in which they are decoded."""
        named = [name for layer in self.layers for name in layer.inputs]
        return tuple(dict.fromkeys([self.base, *named]))
