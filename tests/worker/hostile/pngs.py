"""Hostile PNG files."""

import io
import random
import struct
import zipfile
import zlib

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
    saved,
    zeros,
)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
IEND = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))


def chunk(name: bytes, body: bytes = b"") -> bytes:
    """Length, name, body, checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def ihdr(width: int = 8, height: int = 8, depth: int = 8, colour: int = 2, *methods: int) -> bytes:
    """The header chunk; `methods` are compression, filter, interlace."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, *(methods or (0, 0, 0))))


def idat(rows: int = 8, row_bytes: int = 24, filter_type: int = 0) -> bytes:
    """Pixels, all zero."""
    return chunk(b"IDAT", zlib.compress((bytes([filter_type]) + bytes(row_bytes)) * rows))


def png(*chunks: bytes) -> bytes:
    """A file of these chunks and an end."""
    return b"".join((SIGNATURE, *chunks, IEND))


def with_chunks(*chunks: bytes) -> bytes:
    """A valid 8 x 8 RGB file with these chunks before its pixels."""
    return png(ihdr(), *chunks, idat())


def zipped() -> bytes:
    """A ZIP archive of one page."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("index.html", "<script>alert(1)</script>")
    return out.getvalue()


def bomb(megapixels: int) -> bytes:
    """A file that has a thousandth of the size of its pixels, at most 7,000 wide."""
    return saved(Image.new("RGBA", (7000, megapixels * 1_000_000 // 7000)), "PNG", compress_level=9)


def wrong_checksum(name: bytes) -> bytes:
    """A valid file except for the checksum of one chunk."""
    whole = bytearray(png(ihdr(), idat()))
    at = whole.index(name)
    length = int.from_bytes(whole[at - 4 : at], "big")
    whole[at + 4 + length] ^= 1
    return bytes(whole)


def noise(size: int) -> bytes:
    """Always the same."""
    return random.Random(7).randbytes(size)


def hundred_texts(deflated: bytes) -> bytes:
    """This number of text chunks with distinct keys."""
    return b"".join(chunk(b"zTXt", b"a%d\0\0" % number + deflated) for number in range(100))


PALETTE = chunk(b"PLTE", bytes(range(12)))

SIZES = {
    "30000x30000": (30_000, 30_000, TOO_LARGE),
    "20000x1": (20_000, 1, TOO_LARGE),
    "1x20000": (1, 20_000, TOO_LARGE),
    "2147483647x2147483647": (2**31 - 1, 2**31 - 1, TOO_LARGE),
    "4294967295x4294967295": (2**32 - 1, 2**32 - 1, TOO_LARGE),
    "0x8": (0, 8, INVALID),
    "8x0": (8, 0, INVALID),
    "0x0": (0, 0, INVALID),
    "4294967295x0": (2**32 - 1, 0, TOO_LARGE),
    "7000x7000-without-pixels": (7000, 7000, INVALID),
}
KINDS = {
    "rgb-of-1-bit": (1, 2),
    "rgb-of-3-bits": (3, 2),
    "rgb-of-32-bits": (32, 2),
    "palette-of-16-bits": (16, 3),
    "colour-type-1": (8, 1),
    "colour-type-5": (8, 5),
    "colour-type-7": (8, 7),
    "colour-type-255": (8, 255),
    "0-bits": (0, 0),
}
HUGE_CHUNKS = (b"tEXt", b"zTXt", b"iCCP", b"eXIf", b"PLTE", b"IDAT", b"aaAa", b"fdAT")
ZIP_BOMBS = {
    "ztxt": lambda: chunk(b"zTXt", b"a\0\0" + zeros(80)),
    "itxt": lambda: chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(80)),
    "iccp": lambda: chunk(b"iCCP", b"a\0\0" + zeros(80)),
    "hundred-ztxt": lambda: hundred_texts(zlib.compress(bytes(900_000))),
}
ODD = {
    "ancillary-noise": chunk(b"aaAa", noise(9000)),
    "gamma-of-0": chunk(b"gAMA", bytes(4)),
    "chromaticities-of-255": chunk(b"cHRM", b"\xff" * 32),
    "significant-bits-of-255": chunk(b"sBIT", b"\xff" * 3),
    "no-pixels-a-metre": chunk(b"pHYs", bytes(9)),
    "date-of-month-99": chunk(b"tIME", b"\xff\xff\x63\x63\x63\x63\x63"),
    "text-that-is-html": chunk(b"tEXt", b"Comment\0<script>alert(1)</script>"),
    "text-without-key": chunk(b"tEXt", b"\0"),
    "profile-that-is-noise": chunk(b"iCCP", b"a\0\0" + zlib.compress(noise(4000))),
    "profile-of-0-bytes": chunk(b"iCCP", b"a\0\0" + zlib.compress(b"")),
    "90000-texts": chunk(b"tEXt", b"a\0b") * 90_000,
}
SPOILT = {
    "no-chunks": SIGNATURE,
    "no-header": png(idat()),
    "pixels-before-header": png(idat(), ihdr()),
    "no-pixels": png(ihdr()),
    "two-headers": png(ihdr(), ihdr(9, 9), idat()),
    "second-header-huge": png(ihdr(), ihdr(16_000, 3000), idat()),
    "too-few-rows": png(ihdr(), idat(rows=5)),
    "unknown-filter": png(ihdr(), idat(filter_type=9)),
    "interlace-of-2": png(ihdr(8, 8, 8, 2, 0, 0, 2), idat()),
    "compression-of-1": png(ihdr(8, 8, 8, 2, 1, 0, 0), idat()),
    "filter-method-of-1": png(ihdr(8, 8, 8, 2, 0, 1, 0), idat()),
    "pixels-not-deflated": png(ihdr(), chunk(b"IDAT", noise(200))),
    "header-of-12-bytes": png(chunk(b"IHDR", bytes(12)), idat()),
    "header-of-0-bytes": png(chunk(b"IHDR"), idat()),
    "100001-chunks": png(ihdr(), chunk(b"aaAa") * 100_001, idat()),
    "signature-mangled-by-ftp": png(ihdr(), idat()).replace(b"\r\n", b"\n"),
    "palette-missing": png(ihdr(8, 8, 8, 3), idat(row_bytes=8)),
}
READ = {
    "gamma-of-2-bytes": with_chunks(chunk(b"gAMA", bytes(2))),
    "chunk-name-not-ascii": png(ihdr(), chunk(b"\xff\xff\xff\xff"), idat()),
    "wrong-adler": png(ihdr(), chunk(b"IDAT", zlib.compress(bytes(200))[:-1] + b"\0")),
    "animation-of-0-frames": png(ihdr(), chunk(b"acTL", bytes(8)), idat()),
    "palette-index-beyond-it": png(
        ihdr(8, 8, 8, 3), PALETTE, chunk(b"IDAT", zlib.compress(b"\0\xff\xff\xff\xff\xff\xff\xff\xff" * 8))
    ),
    "palette-alpha-longer-than-it": png(
        ihdr(8, 8, 8, 3), PALETTE, chunk(b"tRNS", bytes(256)), idat(row_bytes=8)
    ),
    "zip-behind-the-end": png(ihdr(), idat()) + zipped(),
    "page-behind-the-end": png(ihdr(), idat()) + b"<html><script>alert(1)</script>",
    "animation-of-a-million-frames": png(ihdr(), chunk(b"acTL", struct.pack(">II", 1_000_000, 0)), idat()),
}

PNGS = [
    *(
        Hostile(f"png-{name}", expected, lambda size=(w, h): png(ihdr(*size)))
        for name, (w, h, expected) in SIZES.items()
    ),
    *(
        Hostile(f"png-{name}", INVALID, lambda kind=kind: png(ihdr(8, 8, *kind), idat()))
        for name, kind in KINDS.items()
    ),
    *(
        Hostile(
            f"png-{name.decode()}-of-{size}-bytes",
            INVALID,
            lambda name=name, size=size: png(ihdr(), struct.pack(">I", size) + name),
        )
        for name in HUGE_CHUNKS
        for size in (2**31 - 1, 2**32 - 1)
    ),
    *(
        Hostile(f"png-bomb-{name}", PICTURE, lambda bomb=bomb: with_chunks(bomb()))
        for name, bomb in ZIP_BOMBS.items()
    ),
    *(Hostile(f"png-{name}", PICTURE, lambda odd=odd: with_chunks(odd)) for name, odd in ODD.items()),
    *(Hostile(f"png-{name}", INVALID, lambda file=file: file) for name, file in SPOILT.items()),
    *(Hostile(f"png-{name}", PICTURE, lambda file=file: file) for name, file in READ.items()),
    *(
        Hostile(f"png-exif-{name}", PICTURE, lambda exif=exif: with_chunks(chunk(b"eXIf", exif)))
        for name, exif in EXIFS.items()
    ),
    *(
        Hostile(f"png-checksum-of-{name.decode()}", INVALID, lambda name=name: wrong_checksum(name))
        for name in (b"IHDR", b"IDAT")
    ),
    Hostile("png-bomb-of-49-megapixels", PICTURE, lambda: bomb(49)),
    Hostile("png-bomb-of-51-megapixels", TOO_LARGE, lambda: bomb(51)),
    Hostile("png-bomb-pixels-for-8x8", PICTURE, lambda: png(ihdr(), chunk(b"IDAT", zeros(60)))),
    Hostile("png-16-bit-bomb", PICTURE, lambda: png(ihdr(6000, 6000, 16, 0), idat(6000, 12_000))),
    *cuts("png", saved(gradient(64, 64), "PNG"), (7, 8, 16, 24, 32, 33, 40, 41, 60)),
    *cuts("png-interlaced", read("pngsuite/basi3p08.png"), (50, 200, 900, 1200)),
    *cuts("png-16-bit", read("pngsuite/basn2c16.png"), (40, 100, 250)),
]
