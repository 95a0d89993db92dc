"""Where on the base the overlay stands."""

from compositor.box import Size
from compositor.params import SuperimposeParams


def corner(params: SuperimposeParams, overlay: Size, base: Size) -> tuple[int, int]:
    """The top-left pixel, on the base, of the resized and rotated overlay; may lie outside."""
    x, y = _push(params, base)
    right, down = base[0] - overlay[0], base[1] - overlay[1]
    return (
        _anchored(params.gravity, "west", "east", x, right),
        _anchored(params.gravity, "north", "south", y, down),
    )


def _push(params: SuperimposeParams, base: Size) -> tuple[int, int]:
    """How far inwards from the anchor, in pixels."""
    x, y = params.x_offset, params.y_offset
    if params.x_percent is not None:
        x = round(base[0] * params.x_percent / 100)
    if params.y_percent is not None:
        y = round(base[1] * params.y_percent / 100)
    return (x, y)


def _anchored(gravity: str, near: str, far: str, push: int, room: int) -> int:
    if near in gravity:
        return push
    return room - push if far in gravity else room // 2 + push
