"""Any picture as 8-bit sRGB: RGB where it is opaque, RGBA where it is not."""

import io

import numpy as np
from PIL import Image, ImageCms


def to_srgb(image: Image.Image) -> Image.Image:
    """`image` in mode RGB or RGBA, 8 bit, converted from its ICC profile where it has a usable one."""
    image = _eight_bit(image)
    has_alpha = image.has_transparency_data
    colour = _through_profile(image)
    if not has_alpha:
        return colour.convert("RGB")
    rgba = colour.convert("RGBA")
    if colour is not image:
        rgba.putalpha(image.convert("RGBA").getchannel("A"))
    return rgba


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit grey scaled to 8 bits; Pillow's own conversion would clip it to white."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.uint32) // 257).astype(np.uint8))


def _through_profile(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    source = image if image.mode in ("RGB", "CMYK", "L") else image.convert("RGB")
    try:
        converted = ImageCms.profileToProfile(
            source, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted or image
