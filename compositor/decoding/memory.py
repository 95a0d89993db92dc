"""Checks before decoding that there is enough memory: without it, decoders report a bad file.

libjpeg and libwebp call the file damaged, libavif sometimes does, and the Rust decoder of PNG never returns.
"""

import numpy as np

BYTES_PER_PIXEL = 24
"""More than any decoder uses. Measured at 16 MP, including the conversion to sRGB: JPEG 12, PNG 16, GIF 8,
WebP 20, AVIF 20 (12 bit, 4:4:4, alpha). Only the safe formats were measured."""

_FILE_COPIES = 4
_OVERHEAD_BYTES = 32 * 1024 * 1024  # decoders' tables, metadata, and rounding of the allocator


def check_memory(size: tuple[int, int], file_bytes: int) -> None:
    """Raises `MemoryError` if there is too little memory to decode `size` pixels from `file_bytes`."""
    width, height = size
    np.empty(BYTES_PER_PIXEL * width * height + _FILE_COPIES * file_bytes + _OVERHEAD_BYTES, np.uint8)
