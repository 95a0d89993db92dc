"""Hostile WebP files."""

import struct

from PIL import Image

from tests.compositor.pictures import read
from tests.worker.hostile.files import (
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

LOSSY = saved(gradient(64, 64), "WEBP")
LOSSLESS = saved(gradient(64, 64, "RGBA"), "WEBP", lossless=True)
EXTENDED = saved(gradient(64, 64), "WEBP", exif=b"Exif\0\0" + EXIFS["zero-denominator"])
ANIMATED = saved(gradient(64, 64), "WEBP", save_all=True, append_images=[Image.new("RGB", (64, 64), "red")])


def riff(*chunks: bytes) -> bytes:
    """A file of these chunks."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def chunk(name: bytes, body: bytes) -> bytes:
    """Name, length, body, to an even length."""
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def extended(width: int, height: int, flags: int = 0, *chunks: bytes) -> bytes:
    """A file with a canvas of its own size."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff(chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size), *chunks)


def frames(canvas: int, count: int) -> bytes:
    """An animation of frames of one pixel on a square canvas."""
    pixel = saved(Image.new("RGBA", (1, 1), "red"), "WEBP", lossless=True)[12:]
    one = chunk(b"ANMF", bytes(6) + bytes(6) + b"\x64\0\0\0" + pixel)
    return extended(canvas, canvas, 0x12, chunk(b"ANIM", bytes(6)), one * count)


def resized(data: bytes) -> bytes:
    """Correct the length in the header."""
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


def lossy(width: int, height: int) -> bytes:
    """A valid file that declares another size."""
    return patched(LOSSY, b"\x9d\x01\x2a", 0, struct.pack("<HH", width, height))


def lossless(width: int, height: int) -> bytes:
    """The same, lossless."""
    return LOSSLESS[:21] + struct.pack("<I", width - 1 | height - 1 << 14) + LOSSLESS[25:]


SPOILT = {
    "signature-alone": lambda: riff(),
    "no-frame": lambda: extended(8, 8),
    "unknown-first-chunk": lambda: riff(chunk(b"VP9 ", LOSSY[20:])),
    "0x0": lambda: lossy(0, 0),
    "0-wide": lambda: lossy(0, 64),
    "canvas-of-16383x3000-alone": lambda: extended(16_383, 3000),
    "canvas-smaller-than-its-frame": lambda: patched(EXTENDED, b"VP8X", 8, b"\x07\0\0\x07\0\0"),
    "canvas-larger-than-its-frame": lambda: patched(EXTENDED, b"VP8X", 8, b"\xff\0\0\xff\0\0"),
    "frame-outside-its-canvas": lambda: patched(ANIMATED, b"ANMF", 4, b"\xff\xff\0\xff\xff\0"),
    "frame-of-16-megapixels-squared": lambda: patched(ANIMATED, b"ANMF", 10, b"\xff\xff\xff\xff\xff\xff"),
    "animation-without-frames": lambda: extended(64, 64, 0x02, chunk(b"ANIM", bytes(6))),
    "file-length-of-0": lambda: LOSSY[:4] + bytes(4) + LOSSY[8:],
    "chunk-length-of-4-gigabytes": lambda: LOSSY[:16] + b"\xff" * 4 + LOSSY[20:],
    "lossless-signature-missing": lambda: LOSSLESS[:20] + b"\0" + LOSSLESS[21:],
    "lossless-version-7": lambda: LOSSLESS[:24] + bytes([LOSSLESS[24] | 0xE0]) + LOSSLESS[25:],
    "lossless-codes-of-noise": lambda: riff(chunk(b"VP8L", LOSSLESS[20:25] + noise(400))),
    "lossless-codes-of-zeros": lambda: riff(chunk(b"VP8L", LOSSLESS[20:25] + bytes(2))),
    "lossless-codes-of-255": lambda: riff(chunk(b"VP8L", LOSSLESS[20:25] + b"\xff" * 400)),
    "lossy-partitions-of-noise": lambda: riff(chunk(b"VP8 ", b"\xff\xff\xff" + LOSSY[23:30] + noise(90))),
    "no-key-frame": lambda: LOSSY[:20] + bytes([LOSSY[20] | 1]) + LOSSY[21:],
    "says-16000x3000": lambda: lossy(16_000, 3000),
}
READ = {
    "zip-behind-the-end": lambda: LOSSY + zipped(),
    "100000-unknown-chunks": lambda: riff(EXTENDED[12:], chunk(b"abcd", b"") * 100_000),
    "10000-frames": lambda: frames(8, 10_000),
    "animation-on-49-megapixels": lambda: frames(7000, 3),
    "profile-chunk-twice": lambda: resized(EXTENDED + chunk(b"ICCP", noise(40)) * 2),
}

WEBPS = [
    Hostile("webp-lossy-16383x16383", TOO_LARGE, lambda: lossy(16_383, 16_383)),
    Hostile("webp-lossless-16384x16384", TOO_LARGE, lambda: lossless(16_384, 16_384)),
    Hostile("webp-canvas-of-16384x16384", TOO_LARGE, lambda: extended(16_384, 16_384)),
    Hostile("webp-canvas-of-16777216x16777216", TOO_LARGE, lambda: extended(2**24, 2**24)),
    Hostile("webp-canvas-of-16777216x1", TOO_LARGE, lambda: extended(2**24, 1)),
    Hostile(
        "webp-bomb-of-49-megapixels", PICTURE, lambda: saved(Image.new("RGB", (7000, 7000)), "WEBP", method=0)
    ),
    Hostile("webp-animation-on-256-megapixels", TOO_LARGE, lambda: frames(16_000, 2)),
    *(Hostile(f"webp-{name}", INVALID, make) for name, make in SPOILT.items()),
    *(Hostile(f"webp-{name}", PICTURE, make) for name, make in READ.items()),
    *(
        Hostile(f"webp-exif-{name}", PICTURE, lambda exif=exif: saved(gradient(16, 16), "WEBP", exif=exif))
        for name, exif in EXIFS.items()
    ),
    *(
        Hostile(
            f"webp-profile-{name}",
            PICTURE,
            lambda profile=profile: saved(gradient(16, 16), "WEBP", icc_profile=profile),
        )
        for name, profile in PROFILES.items()
    ),
    *cuts("webp", read("made/alpha.webp"), (12, 16, 20, 30, 40, 300, 900)),
    Hostile("webp-lossless-without-its-byte-of-padding", PICTURE, lambda: LOSSLESS[:-1]),
    *cuts("webp-lossless", LOSSLESS, (20, 24, 40, len(LOSSLESS) - 2)),
    *cuts("webp-animated", read("made/animated.webp"), (30, 44, 60, 200)),
]
