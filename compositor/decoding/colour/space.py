"""Reads the colour space that a file declares."""

import struct
from typing import NamedTuple

from PIL import Image

from compositor.decoding import isobmff
from compositor.decoding.colour import cicp, icc
from compositor.decoding.colour.light import PEAK
from compositor.decoding.png import chunks

_TELEVISION_CURVES = (1, 6, 14, 15)
_SRGB_GAMMA = 45_455  # by convention: sRGB is not a power curve, but programs write this for it


class ColourSpace(NamedTuple):
    """An ICC profile, empty for sRGB and if none is declared, and the peak luminance of HDR in cd/m2."""

    profile: bytes = b""
    peak: float = PEAK


def colour_space(image: Image.Image, data: bytes) -> ColourSpace:
    """The space of the file `data`, opened as `image`, by its ICC profile or the fields of its format."""
    found = ColourSpace(image.info.get("icc_profile") or b"")
    if image.format == "PNG":
        found = _png(data, found.profile)
    elif image.format in ("AVIF", "HEIF"):
        found = _heif(data, found.profile)
    points = cicp.points(found.profile)
    by_code = cicp.profile(*points) if points else None
    return found if by_code is None else found._replace(profile=by_code)


def _png(data: bytes, profile: bytes) -> ColourSpace:
    """By the first usable one of cICP, iCCP, sRGB, and gAMA with cHRM (PNG, third edition, 4.3)."""
    found = _before_pixels(data)
    by_code = _cicp(found.get(b"cICP", b""))
    if by_code is not None:
        return ColourSpace(by_code, _png_peak(found))
    if profile and icc.opens(profile):
        return ColourSpace(profile, _png_peak(found))
    return ColourSpace(b"" if b"sRGB" in found else _gamma(found) or b"")


def _before_pixels(data: bytes) -> dict[bytes, bytes]:
    found = {}
    for name, content in chunks(data):
        if name == b"IDAT":
            break
        found[name] = data[content]
    return found


def _cicp(chunk: bytes) -> bytes | None:
    """The profile of a cICP chunk for full-range RGB; PNG allows no other (11.3.2.6)."""
    return cicp.profile(chunk[0], chunk[1]) if len(chunk) == 4 and chunk[2:] == b"\0\1" else None


def _gamma(found: dict[bytes, bytes]) -> bytes | None:
    """The profile of a gAMA chunk, with the primaries of cHRM or sRGB; None without gAMA."""
    gamma = int.from_bytes(found.get(b"gAMA", b""), "big")
    if not gamma:
        return None
    if len(found.get(b"cHRM", b"")) == 32:
        numbers = [number / 100_000 for number in struct.unpack(">8I", found[b"cHRM"])]
        return cicp.gamma(100_000 / gamma, *zip(numbers[::2], numbers[1::2], strict=True))
    if abs(gamma / _SRGB_GAMMA - 1) < 0.05:
        return None
    return cicp.gamma(100_000 / gamma, *cicp.PRIMARIES[cicp.BT709])


def _png_peak(found: dict[bytes, bytes]) -> float:
    return _peak(found.get(b"cLLI", b"")[:4], 10_000, found.get(b"mDCV", b""))


def _peak(light_level: bytes, unit: int, mastering: bytes) -> float:
    """The peak luminance of content light level or mastering display metadata, in cd/m2."""
    of_content = int.from_bytes(light_level, "big") / unit
    of_display = int.from_bytes(mastering[16:20], "big") / 10_000
    return of_content or of_display or PEAK


def _heif(data: bytes, profile: bytes) -> ColourSpace:
    """By an ICC profile, else by code points, of which unspecified ones are taken as sRGB.

    Like browsers, this treats the transfer functions of television as sRGB, as displays show them.
    """
    found = isobmff.properties(data)
    by_name = dict(found)
    peak = _peak(by_name.get(b"clli", b"")[:2], 1, by_name.get(b"mdcv", b""))
    points = next((box[4:8] for name, box in found if name == b"colr" and box[:4] == b"nclx"), b"")
    if profile or len(points) < 4:
        return ColourSpace(profile, peak)
    primaries, transfer = struct.unpack(">HH", points)
    if primaries == cicp.UNSPECIFIED:
        primaries = cicp.BT709
    if transfer in (*_TELEVISION_CURVES, cicp.UNSPECIFIED):
        transfer = cicp.SRGB[1]
    return ColourSpace(cicp.profile(primaries, transfer) or b"", peak)
