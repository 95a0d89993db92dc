"""Any picture as 8-bit sRGB: RGB where it is opaque, RGBA where it is not."""

import io

import numpy as np
from PIL import Image, ImageCms

_SPACES = {
    "RGB": "RGB ",
    "RGBA": "RGB ",
    "L": "GRAY",
    "LA": "GRAY",
    "CMYK": "CMYK",
}  # modes and their profiles'
_KEPT_MAX_BYTES = (
    65_535  # profiles of displays and cameras take 0.5 - 4 KB; tables larger than this are not kept
)


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """`image`, loaded, in mode RGB or RGBA, 8 bit, converted by its ICC `profile` where that can be used.

    `profile` is empty where there is none.
    """
    image = _straight(_eight_bit(image))
    if profile:
        image = _converted(image, profile)
    if image.mode in ("RGB", "RGBA"):
        return image
    image.info.pop("transparency", None)  # Pillow would convert it, in other units than ours
    return image.convert("RGBA" if image.mode == "LA" else "RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Grey of 16 bits or more scaled down; Pillow's own conversion clips it to white."""
    if not image.mode.startswith(("I", "F")):
        return image
    pixels = np.asarray(image).astype(np.float32)
    if image.mode == "F":
        pixels *= np.float32(65535)  # by custom 0 - 1
    return Image.fromarray(np.clip(np.rint(pixels / np.float32(257)), 0, 255).astype(np.uint8))


def _straight(image: Image.Image) -> Image.Image:
    """`image` without palette, and in one of the modes a profile can describe."""
    if image.mode in _SPACES:
        return image
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    """`image` through `profile` to sRGB; as it is where the profile is broken or describes other colours."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space != _SPACES[image.mode] or _is_srgb(source):
            return image
        grey_alpha = image.getchannel("A") if image.mode == "LA" else None
        colour = image.getchannel("L") if grey_alpha else image
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(colour, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return image
    if converted is not None and grey_alpha:
        converted.putalpha(grey_alpha)
    return converted or image


def keepable(mode: str, profile: bytes) -> bool:
    """Whether `profile` is that of an RGB space other than sRGB, and pixels of `mode` can be left in it."""
    if mode not in ("RGB", "RGBA", "P") or not profile or len(profile) > _KEPT_MAX_BYTES:
        return False
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return bool(opened.profile.xcolor_space == "RGB " and not _is_srgb(opened))
    except (ImageCms.PyCMSError, OSError):
        return False


def from_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """RGB or RGBA `image` converted from sRGB to the space of `profile`; as it is where that is empty."""
    if not profile:
        return image
    target = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), target) or image


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    return (profile.profile.profile_description or "").startswith("sRGB")
