"""The description of a picture: a base, the layers on it, and the output file. Loads no decoder."""

from collections.abc import Callable
from dataclasses import dataclass

from compositor.geometry import UNSCALED, Size

Sizing = Callable[[Size, Size], Size]
"""Returns an overlay's width and height before rotation, from its original size and that of its area."""

Placing = Callable[[Size, Size], tuple[int, int]]
"""Returns the place of a layer's top-left pixel in its area, from the rotated layer's size and the area's."""

Point = tuple[float, float]
Region = tuple[float, ...]
"""Left, top, width and height as fractions of the base."""


@dataclass(frozen=True)
class Displacement:
    """Moves the layer's pixels by a `map`, the name of an input that is stretched over the layer's area.

    A red value of 0 moves a pixel `x` pixels to the right, 255 as far to the left, 128 not at all; green
    moves it down or up by `y`.
    """

    map: str
    x: float = 0
    y: float = 0


@dataclass(frozen=True)
class Layer:
    """A named input or a colour, "#rgb" or "#rrggbb", that is put on the base.

    The steps in order: `removal` of the background by the model with this name, `flip`, `size` by
    `resize_method`, `degrees` counter-clockwise by `rotate_method`, or instead of size, degrees and place
    `corners`; then `displacement`, `mask` (which undergoes all steps but the displacement), `opacity`, 0 to
    1, and `blend_mode`. `region` is the area to which `size`, `place`, `corners` and `displacement` refer,
    None for the base; with `is_clipped` the layer is hidden outside of it. With `tile_spacing` the layer is
    repeated over the whole base, that many pixels apart in both directions.

    `corners` are the places of the layer's corners in fractions of the area: a convex quadrilateral,
    clockwise from the top left.
    """

    place: Placing
    picture: str = ""
    removal: str | None = None
    colour: str | None = None
    mask: str | None = None
    inverts_mask: bool = False
    flip: str = "none"
    size: Sizing = UNSCALED
    resize_method: str = "nearest-exact"
    degrees: float = 0
    rotate_method: str = "bicubic"
    region: Region | None = None
    is_clipped: bool = False
    tile_spacing: int | None = None
    corners: tuple[Point, ...] | None = None
    displacement: Displacement | None = None
    opacity: float = 1
    blend_mode: str = "normal"

    @property
    def inputs(self) -> tuple[str, ...]:
        displacement = self.displacement.map if self.displacement else ""
        return tuple(filter(None, (self.picture, self.mask, displacement)))

    def sized(self, overlay: Size, area: Size) -> Size:
        """The overlay's size before rotation, at least 1 x 1 pixel."""
        width, height = self.size(overlay, area)
        return (max(1, width), max(1, height))


@dataclass(frozen=True)
class Output:
    """The output file; `background` is a colour under a transparent base.

    `quality` None encodes a JPEG like the base, which must be a JPEG. With `keeps_animation` the layers are
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
    """`base` is the name of an input; the last of the `layers` is on top."""

    base: str
    layers: tuple[Layer, ...]
    output: Output = Output()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs, without duplicates, in the order of decoding."""
        named = [name for layer in self.layers for name in layer.inputs]
        return tuple(dict.fromkeys([self.base, *named]))
