"""Rectangles of pixels: (left, top, right, bottom), right and bottom exclusive."""

import math
from collections.abc import Iterator

Size = tuple[int, int]
Box = tuple[int, int, int, int]


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
