"""A frame as files store it: a picture that is put on the canvas of the previous frames."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction

from compositor.box import Size


class Disposal(Enum):
    """What happens to the pixels of a frame's box before the next frame."""

    KEPT = auto()
    CLEARED = auto()
    RESTORED = auto()


@dataclass(frozen=True)
class Part:
    """`still` returns the part as an image file of `size` pixels; its top-left pixel is `at` on the canvas.

    With `blends` it is composited over the canvas, otherwise it replaces its pixels.
    """

    still: Callable[[], bytes]
    size: Size
    at: tuple[int, int]
    seconds: Fraction
    has_alpha: bool
    blends: bool
    disposal: Disposal
