"""Input files, whose bytes are read only if needed, and their limits."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

SAFE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
FULL_SIZED = 3  # inputs of `max_pixels` that a scene may have
RISKY_FORMATS = ("TIFF", "BMP", "JPEG2000", "HEIF")


@dataclass(frozen=True)
class Limits:
    """Limits of each input, checked before its pixels are decoded.

    `max_bytes` limits the file, `max_pixels` width x height, `max_side` the longer side in pixels. All inputs
    of a scene together may have `FULL_SIZED` times `max_pixels`. An animation of which all frames are used
    may have `max_frames`, with `max_animation_pixels` in total.

    `formats` are Pillow's names of the allowed formats. Each of `RISKY_FORMATS` adds a C decoder with a
    history of memory faults: allow them only for trusted callers, or in an isolated process.

    Raises `ValueError` for an unknown format.
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


class File:
    """An image file: its bytes `data`, their SHA-256 `digest`, and the `nbytes` of memory that it holds."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.nbytes = len(data)

    @property
    def data(self) -> bytes:
        return self._data

    @cached_property
    def digest(self) -> bytes:
        return sha256(self.data).digest()


class Unread(File):
    """A file that is not in memory: `read` returns the bytes with this `digest`, each time `data` is used."""

    def __init__(self, digest: bytes, read: Callable[[], bytes]) -> None:
        self.digest = digest
        self.nbytes = 0
        self._read = read

    @property
    def data(self) -> bytes:
        return self._read()
