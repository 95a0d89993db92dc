"""The overlay's size, before it is rotated."""

from compositor.box import Size
from compositor.params import SuperimposeParams


def overlay_size(params: SuperimposeParams, overlay: Size, base: Size) -> Size:
    """Width and height of the resized overlay, each at least 1 pixel; rounding as in the reference node."""
    if params.overlay_resize == "None":
        return overlay
    if params.overlay_resize == "Fit":
        ratio = min(base[0] / overlay[0], base[1] / overlay[1])
        return (max(1, round(overlay[0] * ratio)), max(1, round(overlay[1] * ratio)))
    if params.overlay_resize == "Resize by rescale_factor":
        factor = params.rescale_factor
        return (max(1, int(overlay[0] * factor)), max(1, int(overlay[1] * factor)))
    return (params.width, params.height)
