"""Boxes of pixels, and rules for the size of an overlay and the place of a layer.

The rules get the sizes of the overlay or layer and of its area, and round as the reference node does.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

Size = tuple[int, int]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom; right and bottom are exclusive."""


def whole(size: Size) -> Box:
    """The box of all pixels of a picture of `size` (width, height)."""
    return (0, 0, *size)


def size_of(box: Box) -> Size:
    return (box[2] - box[0], box[3] - box[1])


def shifted(box: Box, by: tuple[int, int]) -> Box:
    """`box` moved by (right, down) pixels."""
    x, y = by
    return (box[0] + x, box[1] + y, box[2] + x, box[3] + y)


def common(one: Box, other: Box) -> Box | None:
    """The intersection of two boxes, or None if it is empty."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right, bottom = min(one[2], other[2]), min(one[3], other[3])
    return (left, top, right, bottom) if left < right and top < bottom else None


def grown(box: Box, by: tuple[float, float]) -> Box:
    """`box` extended by `by[0]` pixels left and right and `by[1]` up and down, rounded up."""
    x, y = math.ceil(abs(by[0])), math.ceil(abs(by[1]))
    return (box[0] - x, box[1] - y, box[2] + x, box[3] + y)


def cells(box: Box, side: int, visible: Box) -> Iterator[Box]:
    """The cells of `box`, at most `side` pixels wide and high, that intersect `visible`.

    The grid starts at the origin, not at `visible`, so that a cell's pixels do not depend on the clipping.
    """
    within = common(box, visible)
    if within is None:
        return
    for top in range(within[1] // side * side, within[3], side):
        for left in range(within[0] // side * side, within[2], side):
            yield (max(left, box[0]), max(top, box[1]), min(left + side, box[2]), min(top + side, box[3]))


def contained(overlay: Size, area: Size) -> Size:
    """The largest size that fits into the area."""
    return _by(min(area[0] / overlay[0], area[1] / overlay[1]), overlay)


def covering(overlay: Size, area: Size) -> Size:
    """The smallest size that covers the area."""
    return _by(max(area[0] / overlay[0], area[1] / overlay[1]), overlay)


def stretched(overlay: Size, area: Size) -> Size:  # noqa: ARG001 - a rule like the others
    return area


@dataclass(frozen=True)
class Scaled:
    """Scaled by a factor, truncated."""

    factor: float

    def __call__(self, overlay: Size, area: Size) -> Size:  # noqa: ARG002 - a rule like the others
        return (int(overlay[0] * self.factor), int(overlay[1] * self.factor))


UNSCALED = Scaled(1)


@dataclass(frozen=True)
class Exactly:
    """`size`, whatever the aspect ratio."""

    size: Size

    def __call__(self, overlay: Size, area: Size) -> Size:  # noqa: ARG002 - a rule like the others
        return self.size


@dataclass(frozen=True)
class Share:
    """As wide as `share` of the area's "width", "height", or shorter ("min") or longer ("max") side."""

    share: float
    of: str = "width"

    def __call__(self, overlay: Size, area: Size) -> Size:
        side = {"width": area[0], "height": area[1], "min": min(area), "max": max(area)}[self.of]
        width = side * self.share
        return (round(width), round(overlay[1] * width / overlay[0]))


def _by(factor: float, overlay: Size) -> Size:
    return (round(overlay[0] * factor), round(overlay[1] * factor))


@dataclass(frozen=True)
class Anchored:
    """At a corner, edge or the centre; offsets move it inwards, from the centre to the right and down.

    `offset` is in pixels; a `percent` of the area's width or height replaces it.
    """

    gravity: str = "northwest"
    offset: tuple[int, int] = (0, 0)
    percent: tuple[float | None, float | None] = (None, None)

    def __call__(self, layer: Size, area: Size) -> tuple[int, int]:
        x, y = (
            pixels if percent is None else round(side * percent / 100)
            for side, pixels, percent in zip(area, self.offset, self.percent, strict=True)
        )
        right, down = area[0] - layer[0], area[1] - layer[1]
        return (
            _anchored(self.gravity, "west", "east", x, right),
            _anchored(self.gravity, "north", "south", y, down),
        )


@dataclass(frozen=True)
class Centred:
    """With its centre at a `percent` of the area's width and height, truncated as in the ComfyUI node."""

    percent: tuple[float, float]

    def __call__(self, layer: Size, area: Size) -> tuple[int, int]:
        x, y = (
            int(side * percent / 100 - own / 2)
            for side, percent, own in zip(area, self.percent, layer, strict=True)
        )
        return (x, y)


def _anchored(gravity: str, near: str, far: str, offset: int, space: int) -> int:
    if near in gravity:
        return offset
    return space - offset if far in gravity else space // 2 + offset
