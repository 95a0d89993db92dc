"""Hostile JPEG files."""

import io
import re
import struct

from PIL import Image

from tests.compositor.pictures import read
from tests.worker.hostile.files import EXIFS, INVALID, PICTURE, TOO_LARGE, Hostile, cuts, gradient, saved
from tests.worker.hostile.pngs import noise, zipped

PLAIN = saved(gradient(64, 64), "JPEG")
GREY = saved(gradient(64, 64, "L"), "JPEG")
PROGRESSIVE = saved(gradient(64, 64, "L"), "JPEG", progressive=True)
BILLION_LAUGHS = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>'
XMP = b"http://ns.adobe.com/xap/1.0/\0"


def segment(marker: int, body: bytes = b"") -> bytes:
    """A marker segment."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(*segments: bytes, whole: bytes = PLAIN) -> bytes:
    """A valid file with these segments at its start."""
    return b"".join((whole[:2], *segments, whole[2:]))


def frame(width: int, height: int, marker: int = 0xC0, whole: bytes = PLAIN) -> bytes:
    """A valid file that declares another size or coding."""
    at = whole.index(b"\xff\xc0")
    return (
        whole[: at + 1]
        + bytes([marker])
        + whole[at + 2 : at + 5]
        + struct.pack(">HH", height, width)
        + whole[at + 9 :]
    )


def changed(marker: int, skip: int, new: bytes, whole: bytes = PLAIN) -> bytes:
    """A valid file with `new` written `skip` bytes into the body of its first segment `marker`."""
    at = whole.index(bytes([0xFF, marker])) + 4 + skip
    return whole[:at] + new + whole[at + len(new) :]


def without(marker: int, whole: bytes = PLAIN) -> bytes:
    """A valid file without its segments `marker`."""
    while (at := whole.find(bytes([0xFF, marker]))) >= 0:
        whole = whole[:at] + whole[at + 2 + int.from_bytes(whole[at + 2 : at + 4], "big") :]
    return whole


def scans(times: int, size: int = 64) -> bytes:
    """A progressive file whose last scan is repeated this number of times."""
    whole = saved(gradient(size, size, "L"), "JPEG", progressive=True)
    last = [found.start() for found in re.finditer(b"\xff\xda", whole)][-1]
    return whole[:-2] + whole[last:-2] * times + b"\xff\xd9"


def with_profile(profile: bytes) -> bytes:
    """A valid file with an ICC profile."""
    return saved(gradient(16, 16), "JPEG", icc_profile=profile)


def display_p3() -> bytes:
    """A valid profile of 500 bytes."""
    profile: bytes = Image.open(io.BytesIO(read("made/display-p3.png"))).info["icc_profile"]
    return profile


PROFILES = {
    "noise": noise(5000),
    "two-megabytes-of-noise": noise(2_000_000),
    "zeros": bytes(400),
    "one-byte": b"\0",
    "cut-short": display_p3()[:200],
    "of-4-billion-tags": display_p3()[:128] + b"\xff" * 4 + display_p3()[132:],
    "whose-tags-lie-outside": display_p3()[:132] + b"rXYZ\x7f\xff\xff\xf0\0\0\0\x14" * 9 + display_p3()[240:],
    "that-says-cmyk": display_p3()[:16] + b"CMYK" + display_p3()[20:],
    "that-says-lab": display_p3()[:16] + b"Lab " + display_p3()[20:],
    "that-is-a-device-link": display_p3()[:12] + b"link" + display_p3()[16:],
    "of-version-255": display_p3()[:8] + b"\xff" + display_p3()[9:],
}
SPOILT = {
    "start-alone": lambda: b"\xff\xd8\xff",
    "start-and-end": lambda: b"\xff\xd8\xff\xd9",
    "says-1000x1000": lambda: frame(1000, 1000),
    "0x0": lambda: frame(0, 0),
    "0-wide": lambda: frame(0, 64),
    "0-high": lambda: frame(64, 0),
    "lossless": lambda: frame(64, 64, 0xC3),
    "hierarchical": lambda: frame(64, 64, 0xC5),
    "reserved-frame": lambda: frame(64, 64, 0xC8),
    "says-progressive": lambda: frame(64, 64, 0xC2),
    "says-arithmetic-progressive-lossless": lambda: frame(64, 64, 0xCB),
    "12-bit": lambda: read("made/twelve-bit.jpg"),
    "0-bits": lambda: changed(0xC0, 0, b"\0"),
    "255-components": lambda: changed(0xC0, 5, b"\xff"),
    "0-components": lambda: changed(0xC0, 5, b"\0"),
    "sampling-of-0": lambda: changed(0xC0, 7, b"\0"),
    "sampling-of-15": lambda: changed(0xC0, 7, b"\xff"),
    "quantisation-table-9": lambda: changed(0xC0, 8, b"\x09"),
    "no-quantisation": lambda: without(0xDB),
    "no-scan": lambda: without(0xDA),
    "codes-beyond-256": lambda: changed(0xC4, 1, b"\xff" * 16),
    "codes-of-table-15": lambda: changed(0xC4, 0, b"\xff"),
    "scan-of-unknown-component": lambda: changed(0xDA, 1, b"\x99"),
    "scan-of-255-components": lambda: changed(0xDA, 0, b"\xff"),
    "scan-with-table-9": lambda: changed(0xDA, 2, b"\x99"),
    "two-frames": lambda: with_segments(segment(0xC0, b"\x08\0\x08\0\x08\1\1\x11\0")),
    "segment-beyond-the-file": lambda: PLAIN[:2] + b"\xff\xe5\xff\xff" + PLAIN[2:100],
    "101-more-scans": lambda: scans(101),
    "50000-scans": lambda: scans(50_000),
    "1301-comments": lambda: with_segments(segment(0xFE) * 1301),
    "million-exif-blocks": lambda: with_segments(segment(0xE1, b"Exif\0\0a") * 1_000_000),
}
READ = {
    "segment-of-0-bytes": lambda: with_segments(b"\xff\xe5\0\0"),
    "segment-of-1-byte": lambda: with_segments(b"\xff\xe5\0\1"),
    "arithmetic": lambda: read("made/arithmetic.jpg"),
    "multi-picture": lambda: read("pillow/frame_size.mpo"),
    "90-more-scans": lambda: scans(90),
    "90-more-scans-of-49-megapixels": lambda: scans(90, 7000),
    "subsampled-4-1-1": lambda: saved(gradient(64, 64), "JPEG", subsampling="4:2:0"),
    "cmyk": lambda: saved(gradient(16, 16, "CMYK"), "JPEG"),
    "adobe-transform-of-7": lambda: with_segments(segment(0xEE, b"Adobe\0\x64\0\0\0\0\7")),
    "adobe-of-2-bytes": lambda: with_segments(segment(0xEE, b"Ad")),
    "page-in-a-comment": lambda: with_segments(segment(0xFE, b"<html><script>alert(1)</script>")),
    "zip-behind-the-end": lambda: PLAIN + zipped(),
    "second-picture-behind-the-end": lambda: PLAIN + frame(65_535, 65_535),
    "fill-bytes": lambda: with_segments(b"\xff" * 100_000),
    "restarts-where-none-should-be": lambda: with_segments(segment(0xDD, b"\0\1")),
    "no-codes": lambda: without(0xC4),
    "xmp-of-a-billion-laughs": lambda: with_segments(segment(0xE1, XMP + BILLION_LAUGHS)),
    "xmp-orientation-of-text": lambda: with_segments(segment(0xE1, XMP + b'tiff:Orientation="99999"')),
    "multi-picture-index-of-noise": lambda: with_segments(segment(0xE2, b"MPF\0" + noise(500))),
    "multi-picture-index-of-a-billion": lambda: with_segments(
        segment(0xE2, b"MPF\0II*\0\x08\0\0\0\1\0\1\xb0\4\0\1\0\0\0\0\xca\x9a\x3b\0\0\0\0")
    ),
    "photoshop-block-of-noise": lambda: with_segments(segment(0xED, b"Photoshop 3.0\0" + noise(500))),
    "profile-part-0-of-0": lambda: with_segments(segment(0xE2, b"ICC_PROFILE\0\0\0" + noise(50))),
    "profile-parts-that-miss-one": lambda: with_segments(segment(0xE2, b"ICC_PROFILE\0\3\5" + noise(50))),
}

JPEGS = [
    Hostile("jpeg-65535x65535", TOO_LARGE, lambda: frame(65_535, 65_535)),
    Hostile("jpeg-65500x1", TOO_LARGE, lambda: frame(65_500, 1)),
    Hostile("jpeg-8000x7000", TOO_LARGE, lambda: frame(8000, 7000)),
    Hostile("jpeg-progressive-65535x65535", TOO_LARGE, lambda: frame(65_535, 65_535, 0xC2)),
    *(Hostile(f"jpeg-{name}", INVALID, make) for name, make in SPOILT.items()),
    *(Hostile(f"jpeg-{name}", PICTURE, make) for name, make in READ.items()),
    *(
        Hostile(f"jpeg-profile-{name}", PICTURE, lambda profile=profile: with_profile(profile))
        for name, profile in PROFILES.items()
    ),
    *(
        Hostile(
            f"jpeg-exif-{name}", PICTURE, lambda exif=exif: with_segments(segment(0xE1, b"Exif\0\0" + exif))
        )
        for name, exif in EXIFS.items()
    ),
    *cuts("jpeg", PLAIN, (3, 4, 20, 21, 100, 160, 180, 400, 600, 620, 630)),
    *cuts("jpeg-progressive", read("made/progressive.jpg"), (200, 700, 1500, 2500)),
]
