"""Hostile GIF files."""

import struct

from PIL import Image

from tests.compositor.pictures import read
from tests.worker.hostile.files import INVALID, PICTURE, TOO_LARGE, Hostile, cuts, saved
from tests.worker.hostile.pngs import noise, zipped

END = b";"
PIXEL = b"\2\2\x4c\1\0"  # code size, one block of one pixel, no further block


def screen(width: int, height: int, flags: int = 0x80, version: bytes = b"GIF89a") -> bytes:
    """Signature, logical screen, and a palette of two colours if `flags` say so."""
    head = version + struct.pack("<HHBBB", width, height, flags, 0, 0)
    return head + (b"\0\0\0\xff\xff\xff" if flags & 0x80 else b"")


def frame(width: int, height: int, left: int = 0, top: int = 0, flags: int = 0, data: bytes = PIXEL) -> bytes:
    """An image descriptor and its data."""
    return b"," + struct.pack("<HHHHB", left, top, width, height, flags) + data


def gif(*blocks: bytes, size: tuple[int, int] = (1, 1)) -> bytes:
    """A file of a screen of `size` and these blocks."""
    return b"".join((screen(*size), *blocks, END))


def control(index: int) -> bytes:
    """A graphic control extension with a transparent colour."""
    return b"!\xf9\4\1\0\0" + bytes([index]) + b"\0"


def bomb(side: int) -> bytes:
    """Pixels of one colour."""
    return saved(Image.new("P", (side, side)), "GIF")


ONE = frame(1, 1)
SPOILT = {
    "xmp-of-noise": gif(b"!\xff\x0bXMP DataXMP" + noise(200).replace(b"\0", b"\1") + b"\0", ONE),
    "signature-alone": b"GIF89a",
    "screen-alone": screen(1, 1),
    "no-image": gif(),
    "0x0": gif(frame(0, 0), size=(0, 0)),
    "0x1": gif(frame(0, 1), size=(0, 1)),
    "frame-of-0x0": gif(frame(0, 0), size=(8, 8)),
    "no-data": gif(frame(1, 1, data=b"")),
    "no-blocks": gif(frame(1, 1, data=b"\2\0")),
    "code-size-of-0": gif(frame(4, 4, data=b"\0" + PIXEL[1:]), size=(4, 4)),
    "code-size-of-13": gif(frame(4, 4, data=b"\x0d" + PIXEL[1:]), size=(4, 4)),
    "code-size-of-255": gif(frame(4, 4, data=b"\xff" + PIXEL[1:]), size=(4, 4)),
    "too-few-pixels": gif(frame(200, 200), size=(200, 200)),
    "codes-of-noise": gif(frame(200, 200, data=b"\x08\xff" + noise(255) + b"\0"), size=(200, 200)),
    "extension-without-end": screen(1, 1) + b"!\xfe\xff" + b"a" * 100,
    "version-8": screen(1, 1, version=b"GIF88a") + ONE + END,
    "palette-cut-short": screen(1, 1, 0x87)[:17],
}
READ = {
    "one-pixel": gif(ONE),
    "no-palette": screen(1, 1, 0) + ONE + END,
    "no-end": screen(1, 1) + ONE,
    "transparent-colour-beyond-the-palette": gif(control(255), ONE),
    "frame-beside-its-screen": gif(frame(1, 1, 100, 100)),
    "10000-frames": gif(ONE * 10_000),
    "100000-controls": gif(control(0) * 100_000, ONE),
    "100000-comments": gif(b"!\xfe\1a\0" * 100_000, ONE),
    "comment-of-100000-blocks": gif(b"!\xfe" + b"\1a" * 100_000 + b"\0", ONE),
    "loops-for-ever": gif(b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0", ONE, ONE),
    "unknown-extension": gif(b"!\x77\1a\0", ONE),
    "zip-behind-the-end": gif(ONE) + zipped(),
    "jar-in-a-comment": gif(b"!\xfe\x28" + zipped()[:40] + b"\0", ONE),
    "page-in-a-comment": gif(b"!\xfe\x0c<script></s>\0", ONE),
    "first-version": screen(1, 1, version=b"GIF87a") + ONE + END,
}

GIFS = [
    Hostile("gif-screen-of-65535x65535", TOO_LARGE, lambda: gif(ONE, size=(65_535, 65_535))),
    Hostile("gif-screen-of-65535x1", TOO_LARGE, lambda: gif(ONE, size=(65_535, 1))),
    Hostile("gif-frame-of-65535x65535", TOO_LARGE, lambda: gif(frame(65_535, 65_535))),
    Hostile("gif-frame-of-8000x8000", TOO_LARGE, lambda: gif(frame(8000, 8000))),
    Hostile("gif-frame-at-65535x65535", TOO_LARGE, lambda: gif(frame(1, 1, 65_535, 65_535))),
    Hostile("gif-frame-of-20000x1", TOO_LARGE, lambda: gif(frame(20_000, 1))),
    Hostile("gif-screen-of-7000x7000-with-one-pixel", PICTURE, lambda: gif(ONE, size=(7000, 7000))),
    Hostile("gif-bomb-of-49-megapixels", PICTURE, lambda: bomb(7000)),
    Hostile("gif-bomb-of-51-megapixels", TOO_LARGE, lambda: bomb(7150)),
    *(Hostile(f"gif-{name}", INVALID, lambda file=file: file) for name, file in SPOILT.items()),
    *(Hostile(f"gif-{name}", PICTURE, lambda file=file: file) for name, file in READ.items()),
    *cuts("gif", read("pillow/transparent.gif"), (6, 10, 13, 100, 400, 800, 900, 1200, 2000)),
]
