"""The overlay's size, before it is rotated."""

from compositor.box import Size
from compositor.params import SuperimposeParams


def overlay_size(params: SuperimposeParams, overlay: Size, base: Size) -> Size:
    """Width and height of the resized overlay, each at least 1 pixel; rounding as in the reference node."""
    width, height = _wanted(params, overlay, base)
    return (max(1, width), max(1, height))


def _wanted(params: SuperimposeParams, overlay: Size, base: Size) -> Size:
    width, height = overlay
    if params.scale_to is not None:
        factor = base[0] * params.scale_to / width
        return (round(width * factor), round(height * factor))
    if params.overlay_resize == "None":
        return overlay
    if params.overlay_resize == "Fit":
        ratio = min(base[0] / width, base[1] / height)
        return (round(width * ratio), round(height * ratio))
    if params.overlay_resize == "Resize by rescale_factor":
        return (int(width * params.rescale_factor), int(height * params.rescale_factor))
    return (params.width, params.height)
