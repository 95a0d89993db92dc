"""A frame as animations store it: a picture put on the canvas that those before it left."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction

from compositor.box import Size


class After(Enum):
    """What becomes of the pixels that a frame covered when it has been shown."""

    KEPT = auto()
    CLEARED = auto()
    RESTORED = auto()


@dataclass(frozen=True)
class Part:
    """`still` makes an image file of it, `size` pixels large, whose top-left pixel lies `at` on the canvas.

    With `blends` it lies over what is there, else it takes its place. It shows for `seconds`.
    """

    still: Callable[[], bytes]
    size: Size
    at: tuple[int, int]
    seconds: Fraction
    has_alpha: bool
    blends: bool
    after: After
