"""How large a picture may be, and in which formats it may come."""

from dataclasses import dataclass

SAFE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
FULL_SIZED = 3
RISKY_FORMATS = ("TIFF", "BMP", "JPEG2000", "HEIF")


@dataclass(frozen=True)
class Limits:
    """Bounds on each input, checked before any of its pixels is decoded.

    `max_bytes` counts the file's bytes, `max_pixels` width x height, `max_side` the longer side in pixels.
    The inputs of a scene may have `FULL_SIZED` times `max_pixels` together. An animation of which all frames
    are used may have `max_frames`, and `max_animation_pixels` in all of them.
    `formats` are Pillow's names of the formats a file may have. Each one of `RISKY_FORMATS` hands strangers'
    bytes to one more C decoder with a history of memory faults: allow it only for callers you trust, or where
    the process that decodes can do no harm.

    Raises `ValueError` for a format that cannot be read.
    """

    max_bytes: int = 32 * 1024 * 1024
    max_pixels: int = 50_000_000
    max_side: int = 16_384
    max_frames: int = 500
    max_animation_pixels: int = 100_000_000
    formats: tuple[str, ...] = SAFE_FORMATS

    def __post_init__(self) -> None:
        known = (*SAFE_FORMATS, *RISKY_FORMATS)
        unknown = [name for name in self.formats if name not in known]
        if unknown:
            raise ValueError(f"formats: {', '.join(unknown)} cannot be read; allowed are {', '.join(known)}")


DEFAULT_LIMITS = Limits()
