"""Checks before decoding that a file has no absurd number of parts, and that there is enough memory."""

from itertools import islice

import numpy as np

from compositor.decoding.identify import kind
from compositor.decoding.jpeg import START_OF_SCAN, markers
from compositor.decoding.png import chunks
from compositor.errors import InvalidImage

BYTES_PER_PIXEL = 24
"""More than any decoder uses. Measured at 16 MP, including the conversion to sRGB: JPEG 12, PNG 16, GIF 8,
WebP 20, AVIF 20 (12 bit, 4:4:4, alpha). Only the safe formats were measured."""

_FILE_COPIES = 4
_OVERHEAD_BYTES = 32 * 1024 * 1024  # decoders' tables, metadata, and rounding of the allocator
_MAX_SCANS = 100  # progressive files have about ten
_MAX_SEGMENTS = 1000  # the largest ICC profile takes 255
_MAX_CHUNKS = 100_000  # encoders that write 1 KB of pixels per chunk stay far below


def check_parts(data: bytes, name: str) -> None:
    """Raises `InvalidImage` if the JPEG or PNG file `data` of parameter `name` has too many parts.

    Decoding time grows with their number: a megabyte holds 50,000 scans of a JPEG, each a pass over all its
    pixels, or 80,000 chunks of a PNG.
    """
    found = kind(data)
    if found == "JPEG":
        _check_jpeg(data, name)
    elif found == "PNG" and next(islice(chunks(data), _MAX_CHUNKS, None), None):
        raise _too_many(name, f"PNG file with more than {_MAX_CHUNKS:,} chunks")


def _check_jpeg(data: bytes, name: str) -> None:
    scans = 0
    for segments, (marker, _) in enumerate(markers(data)):
        scans += marker == START_OF_SCAN
        if scans > _MAX_SCANS:
            raise _too_many(name, f"JPEG file with more than {_MAX_SCANS} scans")
        if segments > _MAX_SEGMENTS + 3 * _MAX_SCANS:  # each scan may have tables before it
            raise _too_many(name, f"JPEG file with more than {_MAX_SEGMENTS:,} segments")


def _too_many(name: str, parts: str) -> InvalidImage:
    return InvalidImage(name, f"a {parts}, which no common program writes; save it again")


def check_memory(size: tuple[int, int], file_bytes: int) -> None:
    """Raises `MemoryError` if there is too little memory to decode `size` pixels from `file_bytes`.

    Without it, libjpeg and libwebp call the file damaged, libavif sometimes does, and the Rust decoder of PNG
    never returns.
    """
    width, height = size
    np.empty(BYTES_PER_PIXEL * width * height + _FILE_COPIES * file_bytes + _OVERHEAD_BYTES, np.uint8)
