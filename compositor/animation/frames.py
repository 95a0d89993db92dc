"""The frames of an animation, as displayed and as stored."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction
from typing import NamedTuple

from PIL import Image, ImageChops

from compositor.geometry import Box, Size, whole


class Frame(NamedTuple):
    """The whole canvas, RGB or RGBA, and how long it is displayed."""

    image: Image.Image
    seconds: Fraction = Fraction(0)


class Ticks:
    """Converts durations of frames to integer multiples of `unit` whose rounding errors do not add up."""

    def __init__(self, unit: Fraction) -> None:
        self._unit = unit
        self._elapsed = Fraction(0)

    def of(self, seconds: Fraction) -> int:
        """The duration of the next frame in units."""
        before = round(self._elapsed / self._unit)
        self._elapsed += seconds
        return round(self._elapsed / self._unit) - before


def changed(before: Image.Image | None, after: Image.Image) -> Box:
    """The box of the pixels that differ, at least one; all without a `before`. Both have the same mode."""
    if before is None:
        return whole(after.size)
    return ImageChops.difference(before, after).getbbox(alpha_only=False) or (0, 0, 1, 1)


class Disposal(Enum):
    """What happens to the pixels of a frame's box before the next frame."""

    KEPT = auto()
    CLEARED = auto()
    RESTORED = auto()


@dataclass(frozen=True)
class Part:
    """A frame as files store it: a picture that is put on the canvas of the previous frames.

    `still` returns the part as an image file of `size` pixels; its top-left pixel is `at` on the canvas.
    With `blends` it is composited over the canvas, otherwise it replaces its pixels.
    """

    still: Callable[[], bytes]
    size: Size
    at: tuple[int, int]
    seconds: Fraction
    has_alpha: bool
    blends: bool
    disposal: Disposal
