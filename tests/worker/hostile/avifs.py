"""Hostile AVIF files."""

import struct
from functools import cache

from PIL import Image

from tests.compositor.pictures import read
from tests.worker.hostile.files import (
    EITHER,
    EXIFS,
    INVALID,
    PICTURE,
    TOO_LARGE,
    Hostile,
    cuts,
    gradient,
    patched,
    saved,
)
from tests.worker.hostile.jpegs import PROFILES
from tests.worker.hostile.pngs import noise, zipped

WHOLE = read("made/rgb.avif")


def box(name: bytes, body: bytes) -> bytes:
    """Length, name, body."""
    return struct.pack(">I", 8 + len(body)) + name + body


@cache
def plain(width: int, height: int) -> bytes:
    """A file of one colour."""
    return saved(Image.new("RGB", (width, height)), "AVIF", speed=10)


def says(width: int, height: int, whole: bytes = WHOLE) -> bytes:
    """A file that declares another size than that of its pixels."""
    return patched(whole, b"ispe", 4, struct.pack(">II", width, height))


def box_length(name: bytes, length: int) -> bytes:
    """A valid file except for the length of one box."""
    at = WHOLE.index(name) - 4
    return WHOLE[:at] + struct.pack(">I", length) + WHOLE[at + 4 :]


def many_items(count: int) -> bytes:
    """A file whose index lists items that do not exist."""
    entry = box(b"infe", b"\2\0\0\0\0\7\0\0av01\0")
    items = box(b"iinf", b"\1\0\0\0" + struct.pack(">I", count) + entry * count)
    handler = box(b"hdlr", bytes(8) + b"pict" + bytes(13))
    return WHOLE[: WHOLE.index(b"meta") - 4] + box(b"meta", bytes(4) + handler + items)


LENGTHS = {"0": 0, "1": 1, "7": 7, "4-gigabytes": 2**32 - 1}
BOXES = (b"meta", b"iloc", b"iinf", b"iprp", b"ipco", b"ispe", b"av1C", b"pitm")
SPOILT = {
    "brand-alone": lambda: WHOLE[:32],
    "no-index": lambda: box(b"ftyp", b"avif\0\0\0\0avifmif1miaf") + box(b"mdat", noise(100)),
    "0x0": lambda: says(0, 0),
    "primary-item-99": lambda: patched(WHOLE, b"pitm", 4, b"\0\x63"),
    "no-decoder-setup": lambda: WHOLE.replace(b"av1C", b"free"),
    "no-size": lambda: WHOLE.replace(b"ispe", b"free"),
    "item-of-another-kind": lambda: WHOLE.replace(b"av01", b"hvc1"),
    "pixels-of-noise": lambda: WHOLE[: WHOLE.index(b"mdat") + 4] + noise(2000),
    "pixels-of-zeros": lambda: WHOLE[: WHOLE.index(b"mdat") + 4] + bytes(2000),
    "properties-of-255": lambda: patched(WHOLE, b"ipma", 4, b"\xff" * 12),
    "places-of-255": lambda: patched(WHOLE, b"iloc", 4, b"\xff" * 20),
    "sequence-without-tracks": lambda: WHOLE.replace(b"ftypavif", b"ftypavis", 1),
    "100000-items": lambda: many_items(100_000),
    "handler-of-sound": lambda: WHOLE.replace(b"pict", b"soun"),
}

AVIFS = [
    Hostile("avif-65535x65535", INVALID, lambda: says(65_535, 65_535)),
    Hostile("avif-4294967295x4294967295", INVALID, lambda: says(2**32 - 1, 2**32 - 1)),
    Hostile("avif-16000x16000", TOO_LARGE, lambda: says(16_000, 16_000)),
    Hostile("avif-8000x8000", TOO_LARGE, lambda: says(8000, 8000)),
    Hostile("avif-20000x1", TOO_LARGE, lambda: says(20_000, 1)),
    Hostile("avif-bomb-of-49-megapixels", PICTURE, lambda: plain(7000, 7000)),
    Hostile("avif-49-megapixels-that-say-64x64", EITHER, lambda: says(64, 64, plain(7000, 7000))),
    Hostile("avif-64x64-that-say-49-megapixels", EITHER, lambda: says(7000, 7000)),
    *(Hostile(f"avif-{name}", INVALID, make) for name, make in SPOILT.items()),
    *(
        Hostile(
            f"avif-{name.decode()}-of-{words}",
            EITHER,
            lambda name=name, length=length: box_length(name, length),
        )
        for name in BOXES
        for words, length in LENGTHS.items()
    ),
    Hostile("avif-zip-behind-the-end", PICTURE, lambda: WHOLE + zipped()),
    *(
        Hostile(
            f"avif-exif-{name}",
            PICTURE,
            lambda exif=exif: saved(gradient(16, 16), "AVIF", exif=b"Exif\0\0" + exif, speed=10),
        )
        for name, exif in EXIFS.items()
        if name not in ("orientation-as-text", "unknown-byte-order", "noise")  # the encoder refuses them
    ),
    *(
        Hostile(
            f"avif-profile-{name}",
            PICTURE,
            lambda profile=profile: saved(gradient(16, 16), "AVIF", icc_profile=profile, speed=10),
        )
        for name, profile in PROFILES.items()
    ),
    *cuts("avif", WHOLE, (4, 8, 12, 40, 200, 300, 350, 800, len(WHOLE) // 2)),
    *cuts("avif-sequence", read("pillow/star.avifs"), (100, 600, 1000)),
]
