"""The colour under a transparent base."""

from PIL import Image


def on_background(base: Image.Image, background: str | None, image_format: str) -> Image.Image:
    """RGB or RGBA `base` on `background`; without one, on white for "jpeg", which knows no transparency."""
    colour = background or ("#ffffff" if image_format == "jpeg" else None)
    if base.mode == "RGB" or colour is None:
        return base
    flat = Image.new("RGB", base.size, colour)
    flat.paste(base, (0, 0), base)
    return flat
