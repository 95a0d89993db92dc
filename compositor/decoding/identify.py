"""Identifies files by their first bytes and checks their limits, before any decoder runs."""

import struct
from collections.abc import Mapping
from typing import NamedTuple

from compositor.decoding.jpeg import FRAME_HEADERS, markers
from compositor.errors import ImageTooLarge, InvalidImage, megapixels
from compositor.files import FULL_SIZED, Limits

_KINDS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cjP  ", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\1\0", "ICO"),
    (b"8BPS", "Photoshop"),
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"PK\3\4", "ZIP"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
    (b"<", "HTML"),
)
_HEIF_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"heim", b"heis", b"hevc")


class Declared(NamedTuple):
    """Width and height in pixels and bits per sample, as the file's header declares them."""

    width: int
    height: int
    bits: int = 8


def identify(data: bytes, name: str, limits: Limits) -> str:
    """The format of the file `data` of parameter `name`, by Pillow's name.

    Loads no decoder: a file that passes may still be damaged. Raises `InvalidImage` or `ImageTooLarge`.
    """
    check_bytes(data, name, limits)
    found = kind(data)
    if found is None or found not in limits.formats:
        raise InvalidImage(name, problem(found, limits))
    header = declared(data)
    if header:
        check_header(header, name, limits)
    return found


def check_bytes(data: bytes, name: str, limits: Limits) -> None:
    """Raises `InvalidImage` for an empty file, `ImageTooLarge` for too many bytes."""
    if not data:
        raise InvalidImage(name, "the file is empty; send an image file")
    if len(data) > limits.max_bytes:
        allowed = f"at most {limits.max_bytes:,}; send a smaller or more compressed file"
        raise ImageTooLarge(name, f"{len(data):,} bytes, {allowed}")


def check_header(header: Declared, name: str, limits: Limits) -> None:
    """Raises `InvalidImage` or `ImageTooLarge` if the declared size or depth is not allowed."""
    if header.bits != 8:
        raise InvalidImage(name, f"a {header.bits}-bit JPEG, only 8-bit ones can be read; save it as PNG")
    check_size(header[:2], name, limits)


def check_size(size: tuple[int, int], name: str, limits: Limits) -> None:
    """Raises `ImageTooLarge` for more pixels, in total or per side, than allowed."""
    width, height = size
    if width * height > limits.max_pixels:
        allowed = f"at most {megapixels(limits.max_pixels)}; send a smaller picture"
        raise ImageTooLarge(name, f"{width} x {height} = {megapixels(width * height)}, {allowed}")
    if max(size) > limits.max_side:
        allowed = f"at most {limits.max_side} pixels on a side; send a smaller picture"
        raise ImageTooLarge(name, f"{width} x {height}, {allowed}")


def check_total(pixels: Mapping[str, int], limits: Limits) -> None:
    """Raises `ImageTooLarge` for the largest input if those of a scene have too many pixels together."""
    total, limit = sum(pixels.values()), FULL_SIZED * limits.max_pixels
    if total > limit:
        largest = max(pixels, key=pixels.__getitem__)
        allowed = f"at most {megapixels(limit)}; send smaller pictures"
        raise ImageTooLarge(
            largest, f"the largest of pictures that have {megapixels(total)} together, {allowed}"
        )


def problem(found: str | None, limits: Limits) -> str:
    """The text about a file of the format `found` that cannot be read."""
    if found in limits.formats:
        return f"{found} file, damaged or cut short; check that it opens elsewhere, then send it again"
    allowed = ", ".join(limits.formats)
    if found == "HTML":
        return f"a web page, not a picture; give the address of the image file itself, allowed are {allowed}"
    what = f"{found} file" if found else "not an image file of a known format"
    return f"{what}, allowed are {allowed}; convert it to one of these"


def kind(data: bytes) -> str | None:
    """The format of the file `data` by its first bytes, with Pillow's name if it has one; None if unknown."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return "AVIF" if data[8:12] in (b"avif", b"avis") else "HEIF" if data[8:12] in _HEIF_BRANDS else None
    start = data[:16].lstrip() if data[:1].isspace() else data[:16]
    return next((name for magic, name in _KINDS if start.startswith(magic)), None)


def declared(data: bytes) -> Declared | None:
    """What the header of a JPEG, PNG, GIF or WebP file declares; None if it cannot be read."""
    reader = {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "WEBP": _webp}.get(kind(data) or "")
    try:
        return reader(data) if reader else None
    except struct.error:  # the file ends before its header does
        return None


def _png(data: bytes) -> Declared | None:
    return Declared(*struct.unpack_from(">II", data, 16)) if data[8:16] == b"\0\0\0\x0dIHDR" else None


def _gif(data: bytes) -> Declared:
    return Declared(*struct.unpack_from("<HH", data, 6))


def _webp(data: bytes) -> Declared | None:
    """RFC 9649: the canvas of an extended file, or the frame of a lossless or lossy one."""
    match data[12:16]:
        case b"VP8X":
            sides = struct.unpack_from("3s3s", data, 24)
            return Declared(*(int.from_bytes(side, "little") + 1 for side in sides))
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return Declared((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8 ":
            return Declared(*(side & 0x3FFF for side in struct.unpack_from("<HH", data, 26)))
    return None


def _jpeg(data: bytes) -> Declared | None:
    """ITU-T T.81 annex B: the first frame header."""
    at = next((at for marker, at in markers(data) if marker in FRAME_HEADERS), None)
    if at is None:
        return None
    bits, height, width = struct.unpack_from(">BHH", data, at + 2)
    return Declared(width, height, bits)
