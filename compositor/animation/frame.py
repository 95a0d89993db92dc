"""The frames of an animation as they are seen."""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from PIL import Image, ImageChops

from compositor.box import Box, whole


class Frame(NamedTuple):
    """The whole canvas, RGB or RGBA, and for how long it shows."""

    image: Image.Image
    seconds: Fraction = Fraction(0)


class Ticks:
    """Frames' times as whole numbers of a `unit`, rounded so that they do not drift."""

    def __init__(self, unit: Fraction) -> None:
        self._unit = unit
        self._elapsed = Fraction(0)

    def of(self, seconds: Fraction) -> int:
        """How many units the next frame shows."""
        before = round(self._elapsed / self._unit)
        self._elapsed += seconds
        return round(self._elapsed / self._unit) - before


@dataclass(frozen=True)
class Timing:
    """Of how many frames an animation is, and how many times it is shown, 0 for ever."""

    count: int = 1
    plays: int = 1


def changed(before: Image.Image | None, after: Image.Image) -> Box:
    """The box of pixels that differ, at least one; all where there is no `before`, which is alike in mode."""
    if before is None:
        return whole(after.size)
    return ImageChops.difference(before, after).getbbox(alpha_only=False) or (0, 0, 1, 1)
