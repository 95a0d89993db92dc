"""Refuses files with more parts than any program writes, because decoding time grows with their number.

A megabyte holds 50,000 scans of a JPEG, each a pass over all its pixels, or 80,000 chunks of a PNG.
"""

from itertools import islice

from compositor.decoding.header import kind
from compositor.decoding.jpeg import START_OF_SCAN, markers
from compositor.decoding.png import chunks
from compositor.errors import InvalidImage

_MAX_SCANS = 100  # progressive files have about ten
_MAX_SEGMENTS = 1000  # the largest ICC profile takes 255
_MAX_CHUNKS = 100_000  # encoders that write 1 KB of pixels per chunk stay far below


def check_parts(data: bytes, name: str) -> None:
    """Raises `InvalidImage` if the JPEG or PNG file `data` of parameter `name` has too many parts."""
    found = kind(data)
    if found == "JPEG":
        _check_jpeg(data, name)
    elif found == "PNG" and next(islice(chunks(data), _MAX_CHUNKS, None), None):
        raise _too_many(name, "PNG", f"{_MAX_CHUNKS:,} chunks")


def _check_jpeg(data: bytes, name: str) -> None:
    scans = 0
    for segments, (marker, _) in enumerate(markers(data)):
        scans += marker == START_OF_SCAN
        if scans > _MAX_SCANS:
            raise _too_many(name, "JPEG", f"{_MAX_SCANS} scans")
        if segments > _MAX_SEGMENTS + 3 * _MAX_SCANS:  # each scan may have tables before it
            raise _too_many(name, "JPEG", f"{_MAX_SEGMENTS:,} segments")


def _too_many(name: str, form: str, parts: str) -> InvalidImage:
    return InvalidImage(
        name, f"a {form} file with more than {parts}, which no common program writes; save it again"
    )
