"""Rules for an overlay's size before rotation, from its original size and that of its area.

They round as the reference node does.
"""

from dataclasses import dataclass

from compositor.box import Size


def unchanged(overlay: Size, area: Size) -> Size:  # noqa: ARG001 - a rule like the others
    return overlay


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
