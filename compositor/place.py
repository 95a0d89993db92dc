"""Rules for the place of a layer in its area, from the sizes of both; it may lie outside."""

from dataclasses import dataclass

from compositor.box import Size

Offset = tuple[int, int]
Percent = tuple[float | None, float | None]


@dataclass(frozen=True)
class Anchored:
    """At a corner, edge or the centre; offsets move it inwards, from the centre to the right and down.

    `offset` is in pixels; a `percent` of the area's width or height replaces it.
    """

    gravity: str = "northwest"
    offset: Offset = (0, 0)
    percent: Percent = (None, None)

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
