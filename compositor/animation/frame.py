"""The displayed frames of an animation."""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from PIL import Image, ImageChops

from compositor.box import Box, whole


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


@dataclass(frozen=True)
class Timing:
    """The number of frames of an animation, and of its plays, 0 for ever."""

    count: int = 1
    plays: int = 1


def changed(before: Image.Image | None, after: Image.Image) -> Box:
    """The box of the pixels that differ, at least one; all without a `before`. Both have the same mode."""
    if before is None:
        return whole(after.size)
    return ImageChops.difference(before, after).getbbox(alpha_only=False) or (0, 0, 1, 1)
