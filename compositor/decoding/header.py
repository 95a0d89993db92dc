"""Reads format and size from a file's first bytes, before any decoder runs."""

from typing import NamedTuple

from compositor.decoding.jpeg import FRAME_HEADERS, markers

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
    except IndexError:
        return None


def _png(data: bytes) -> Declared | None:
    if _part(data, 8, 8) != b"\0\0\0\x0dIHDR":
        return None
    return Declared(_big(data, 16, 4), _big(data, 20, 4))


def _gif(data: bytes) -> Declared:
    return Declared(_little(data, 6, 2), _little(data, 8, 2))


def _webp(data: bytes) -> Declared | None:
    """RFC 9649: the canvas of an extended file, or the frame of a lossless or lossy one."""
    chunk = data[12:16]
    if chunk == b"VP8X":
        return Declared(_little(data, 24, 3) + 1, _little(data, 27, 3) + 1)
    if chunk == b"VP8L":
        bits = _little(data, 21, 4)
        return Declared((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    return (
        Declared(_little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF) if chunk == b"VP8 " else None
    )


def _jpeg(data: bytes) -> Declared | None:
    """ITU-T T.81 annex B: the first frame header."""
    at = next((at for marker, at in markers(data) if marker in FRAME_HEADERS), None)
    return None if at is None else Declared(_big(data, at + 5, 2), _big(data, at + 3, 2), data[at + 2])


def _big(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(_part(data, at, length), "big")


def _little(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(_part(data, at, length), "little")


def _part(data: bytes, at: int, length: int) -> bytes:
    if at + length > len(data):
        raise IndexError("the file ends before its header does")
    return data[at : at + length]
