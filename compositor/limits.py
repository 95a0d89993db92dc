"""How large a picture may be, and in which formats it may come."""

from dataclasses import dataclass

SAFE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")


@dataclass(frozen=True)
class Limits:
    """Bounds on each input, checked before any of its pixels is decoded.

    `max_bytes` counts the file's bytes, `max_pixels` width x height, `max_side` the longer side in pixels.
    `formats` are Pillow's names of the formats a file may have; each one beyond `SAFE_FORMATS` hands
    strangers' bytes to one more C decoder.
    """

    max_bytes: int = 32 * 1024 * 1024
    max_pixels: int = 50_000_000
    max_side: int = 16_384
    formats: tuple[str, ...] = SAFE_FORMATS


DEFAULT_LIMITS = Limits()
