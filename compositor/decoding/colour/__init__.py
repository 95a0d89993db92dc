"""Converts pictures to 8-bit sRGB, RGB or RGBA."""

import io
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from compositor.decoding.colour import cicp, icc
from compositor.decoding.colour.light import PEAK, Levels, Rendering, eight_bits, rendering

_SPACES = {
    "RGB": (b"RGB ",),
    "RGBA": (b"RGB ",),
    "L": (b"GRAY", b"RGB "),
    "LA": (b"GRAY", b"RGB "),
    "CMYK": (b"CMYK",),
}  # colour spaces of profiles that apply to a mode
_SPACE = slice(16, 20)  # of the colour space in a profile (ICC.1:2022, 7.2.6)
_EIGHT_BITS = np.dtype(np.uint8)
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_KEPT_MAX_BYTES = 65_535  # larger profiles are not kept; those of displays and cameras have 0.5 - 4 KB
_SRGB = ImageCms.createProfile("sRGB")
_PROBES = Image.fromarray(
    np.array(
        [
            [[level * (bands >> i & 1) for i in range(3)] for level in range(5, 256, 10)]
            for bands in range(1, 8)
        ],
        np.uint8,
    )
)  # of each hue from dark to bright


def to_srgb(pixels: Image.Image | Levels, profile: bytes, peak: float = PEAK) -> Image.Image:
    """`pixels` in mode RGB or RGBA, 8 bit, converted by their ICC `profile` if that is usable.

    `pixels` are a loaded image, or (height, width, bands) 16-bit levels of grey or RGB, with or without
    alpha. An empty `profile` means none. `peak` is the peak luminance of an HDR picture in cd/m2.
    """
    if isinstance(pixels, Image.Image):
        if not pixels.mode.startswith(("I", "F")):
            image = _without_palette(pixels)
            return _converted(image, profile, peak) if _applies(profile, image.mode) else _rgb(image)
        pixels = _levels(pixels)
    applies = _applies(profile, _MODES[pixels.shape[-1]])
    render = rendering(profile, pixels.dtype, peak) if applies else None
    return _rendered(pixels, render) if render else to_srgb(_image(eight_bits(pixels)), profile)


def is_keepable(mode: str, profile: bytes) -> bool:
    """Whether pixels of `mode` can be kept in the space of `profile`: an RGB space other than sRGB."""
    if mode not in ("RGB", "RGBA", "P") or len(profile) > _KEPT_MAX_BYTES or cicp.hdr(profile):
        return False
    try:
        return _applies(profile, "RGB") and bool(from_srgb(_PROBES, profile))
    except ImageCms.PyCMSError:  # the profile can be converted from, but not to
        return False


def from_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """RGB or RGBA `image` converted from sRGB to the space of `profile`; unchanged if that is empty."""
    return _transform(profile, image.mode, False).apply(image) if profile else image


def _levels(image: Image.Image) -> NDArray[np.uint16]:
    """(height, width, 1) of grey with 16 bits or more; Pillow's conversion would clip it to white."""
    pixels = np.asarray(image)
    if pixels.dtype != np.uint16:
        scale = 65535 if image.mode == "F" else 1  # floats are 0 - 1 by convention
        pixels = np.clip(np.rint(pixels * np.float32(scale)), 0, 65535).astype(np.uint16)
    return _banded(pixels)


def _banded(image: Image.Image | NDArray[Any]) -> NDArray[Any]:
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]


def _image(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _without_palette(image: Image.Image) -> Image.Image:
    """`image` without a palette, in one of the modes to which a profile can apply."""
    if image.mode in _SPACES:
        return image
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("RGB", "RGBA"):
        return image
    image.info.pop("transparency", None)  # Pillow would apply it, in other units than ours
    return image.convert("RGBA" if image.mode == "LA" else "RGB")


def _applies(profile: bytes, mode: str) -> bool:
    """Whether an ICC `profile` is valid, applies to `mode`, and differs from sRGB."""
    if profile[_SPACE] not in _SPACES[mode] or not icc.opens(profile):
        return False
    return mode == "CMYK" or cicp.hdr(profile) is not None or not _is_srgb(profile)


def _is_srgb(profile: bytes) -> bool:
    """Whether an RGB or grey `profile` changes colours by at most one level, whatever its name."""
    return len(profile) <= _KEPT_MAX_BYTES and _leaves_colours(profile)


@lru_cache(maxsize=32)
def _leaves_colours(profile: bytes) -> bool:
    probes = _PROBES.convert("L") if profile[_SPACE] == b"GRAY" else _PROBES
    result = _converted(probes, profile, PEAK)
    shift = np.asarray(result).astype(np.int16) - np.asarray(probes.convert("RGB"))
    return bool(np.abs(shift).max() <= 1)


@icc.shared
def _transform(profile: bytes, mode: str, to_srgb: bool) -> ImageCms.ImageCmsTransform:
    """The conversion of pixels of `mode` from the space of `profile` to sRGB, or else the other way round.

    Raises `PyCMSError` if the profile has no tables for it.
    """
    own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    source, target = (own, _SRGB) if to_srgb else (_SRGB, own)
    return ImageCms.buildTransform(source, target, mode, "RGBA" if mode == "RGBA" else "RGB")


def _converted(image: Image.Image, profile: bytes, peak: float) -> Image.Image:
    render = rendering(profile, _EIGHT_BITS, peak)
    if render:
        return _rendered(_banded(image), render)
    if image.mode == "LA":
        opaque = _converted(image.getchannel("L"), profile, peak)
        opaque.putalpha(image.getchannel("A"))
        return opaque
    try:
        colour = _rgb(image) if profile[_SPACE] == b"RGB " else image
        return _transform(profile, colour.mode, True).apply(colour)
    except ImageCms.PyCMSError:  # its header can be read, but not its tables
        return _rgb(image)


def _rendered(levels: Levels, render: Rendering) -> Image.Image:
    bands = levels.shape[-1]
    colours = bands - (bands % 2 == 0)
    image = _image(render(levels[..., :colours])).convert("RGB")
    if colours < bands:
        image.putalpha(_image(eight_bits(levels[..., colours:])))
    return image
