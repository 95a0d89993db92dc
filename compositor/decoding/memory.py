"""Whether there is memory to decode a picture, asked before: short of it, decoders answer as to a bad file.

libjpeg and libwebp call the file damaged, libavif does now and then, and the Rust decoder of PNG never ends.
"""

import numpy as np

BYTES_PER_PIXEL = 24
"""More than any decoder takes. Measured at 16 MP, conversion to sRGB included: JPEG 12, PNG 16, GIF 8,
WebP 20, AVIF 20 (12 bit, 4:4:4, alpha). Formats beyond the safe ones were not measured."""

_FILE_COPIES = 4
_BESIDE = 32 * 1024 * 1024  # decoders' tables, metadata, and the pages an allocator rounds up to


def check_memory(size: tuple[int, int], file_bytes: int) -> None:
    """Raises `MemoryError` where a file of `file_bytes` that holds `size` pixels could not be decoded."""
    width, height = size
    np.empty(BYTES_PER_PIXEL * width * height + _FILE_COPIES * file_bytes + _BESIDE, np.uint8)
