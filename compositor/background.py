"""The colour under a transparent base."""

from PIL import Image

from compositor.decoding.colour import from_srgb


def on_background(
    base: Image.Image, background: str | None, image_format: str, profile: bytes = b""
) -> Image.Image:
    """RGB or RGBA `base` on `background`; by default on white for "jpeg", which has no transparency.

    `background` is in sRGB, `base` in the colour space of the ICC `profile`, empty for sRGB.
    """
    colour = background or ("#ffffff" if image_format == "jpeg" else None)
    if base.mode == "RGB" or colour is None:
        return base
    flat = Image.new("RGB", base.size, from_srgb(Image.new("RGB", (1, 1), colour), profile).getpixel((0, 0)))
    flat.paste(base, (0, 0), base)
    return flat
