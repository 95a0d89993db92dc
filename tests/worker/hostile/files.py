"""A hostile file: its name, the expected result, and the code that creates it; git holds no large file."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

from PIL import Image

INVALID, TOO_LARGE, PICTURE = "invalid_image", "image_too_large", "COMPLETED"
EITHER = f"{INVALID} or {TOO_LARGE} or {PICTURE}"
"""For noise, whose result may change with the decoder's version."""


class Hostile(NamedTuple):
    """`expected` is the error code, or PICTURE if it must be decoded."""

    name: str
    expected: str
    make: Callable[[], bytes]


def saved(image: Image.Image, image_format: str, **options: object) -> bytes:
    """`image` as a file, encoded by Pillow."""
    out = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):  # some options are hostile too
        image.save(out, image_format, **options)
    return out.getvalue()


def gradient(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A picture with some content."""
    return Image.linear_gradient("L").resize((width, height)).convert(mode)


def cuts(name: str, whole: bytes, offsets: Iterable[int]) -> list[Hostile]:
    """`whole` truncated at each of `offsets`."""
    return [Hostile(f"{name}-cut-at-{at}", INVALID, lambda at=at: whole[:at]) for at in offsets]


def patched(whole: bytes, mark: bytes, skip: int, new: bytes) -> bytes:
    """`whole` with `new` written `skip` bytes behind the first `mark`."""
    at = whole.index(mark) + len(mark) + skip
    return whole[:at] + new + whole[at + len(new) :]


def tiff(*entries: tuple[int, int, int, int], next_ifd: int = 0) -> bytes:
    """An EXIF body: one directory of (tag, type, count, value)."""
    body = struct.pack(">2sHIH", b"MM", 42, 8, len(entries))
    return body + b"".join(struct.pack(">HHII", *entry) for entry in entries) + struct.pack(">I", next_ifd)


def zeros(megabytes: int) -> bytes:
    """This number of megabytes of zeros, deflated to a thousandth."""
    return zlib.compress(bytes(megabytes * 1_000_000), 9)


EXIFS = {
    "orientation-9": tiff((0x112, 3, 1, 9 << 16)),
    "orientation-of-65535": tiff((0x112, 3, 1, 0xFFFF << 16)),
    "orientation-as-text": tiff((0x112, 2, 4, 0x41424300)),
    "orientation-as-a-million-numbers": tiff((0x112, 4, 1_000_000, 0)),
    "directory-that-is-its-own-next": tiff((0x112, 3, 1, 1 << 16), next_ifd=8),
    "directory-inside-itself": tiff((0x8769, 4, 1, 8), (0x8825, 4, 1, 8), (0xA005, 4, 1, 8)),
    "directory-of-65535-entries": b"MM\0*\0\0\0\x08\xff\xff" + b"\1\x12" * 30_000,
    "offset-beyond-the-file": b"MM\0*\xff\xff\xff\xff",
    "unknown-byte-order": b"XX\0*\0\0\0\x08",
    "zero-denominator": tiff((0x11A, 5, 1, 26)) + bytes(8),
    "noise": bytes(range(256)) * 200,
}
"""Bodies of EXIF blocks; none of them affects the pixels."""
