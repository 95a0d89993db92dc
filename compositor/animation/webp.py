"""Reads animated WebP files (RFC 9649, 2.7)."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial

from compositor.animation.frames import Disposal, Part

_ALPHA = 0x10  # flag of an extended file
_REPLACES, _CLEARS = 2, 1  # flags of a frame
_MILLISECONDS = 1000


def parts(data: bytes) -> Iterator[Part]:
    """The frames of the WebP file `data` in order. Raises `EOFError` if it ends within one."""
    name = b""
    for name, at in chunks(data):
        if name == b"ANMF":
            yield _part(data, at)
    if name == b"ANMF" and len(data) < _end(data):
        raise EOFError


def plays(data: bytes) -> int:
    """How many times the animation plays, 0 for ever."""
    at = next((at for name, at in chunks(data) if name == b"ANIM"), None)
    return 1 if at is None else int.from_bytes(data[at.start + 4 : at.start + 6], "little")


def chunks(data: bytes, start: int = 12, end: int | None = None) -> Iterator[tuple[bytes, slice]]:
    """Name and content slice of each chunk."""
    at, end = start, min(len(data), _end(data)) if end is None else end
    while at + 8 <= end:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], slice(at + 8, min(at + 8 + length, end))
        at += 8 + length + length % 2


def _end(data: bytes) -> int:
    return 8 + int.from_bytes(data[4:8], "little")


def _part(data: bytes, frame: slice) -> Part:
    left, top, width, height, milliseconds = (
        int.from_bytes(data[at : at + 3], "little") for at in range(frame.start, frame.start + 15, 3)
    )
    flags = data[frame.start + 15]
    pixels = slice(frame.start + 16, frame.stop)
    has_alpha = any(
        name == b"ALPH" or (name == b"VP8L" and data[at.start + 4] & 0x10)
        for name, at in chunks(data, pixels.start, pixels.stop)
    )
    size = (width + 1, height + 1)
    header = bytes((has_alpha * _ALPHA, 0, 0, 0)) + data[frame.start + 6 : frame.start + 12]
    return Part(
        still=partial(_still, data, header, pixels),
        size=size,
        at=(2 * left, 2 * top),
        seconds=Fraction(milliseconds, _MILLISECONDS),
        has_alpha=has_alpha,
        blends=not flags & _REPLACES,
        disposal=Disposal.CLEARED if flags & _CLEARS else Disposal.KEPT,
    )


def _still(data: bytes, header: bytes, pixels: slice) -> bytes:
    """One frame as a WebP file of its own size, without the ICC profile."""
    content = b"".join((b"WEBP", _chunk(b"VP8X", header), data[pixels]))
    return b"RIFF" + len(content).to_bytes(4, "little") + content


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)
