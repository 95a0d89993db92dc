"""The Range header (RFC 9110, section 14), for single ranges."""

import re
from dataclasses import dataclass

SINGLE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class UnsatisfiableRange(ValueError):
    """The range begins past the end of the representation: 416."""


@dataclass(frozen=True)
class ByteRange:
    """Bytes `start` to `end` (exclusive) of `size`."""

    start: int
    end: int
    size: int

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


def parse(header: str | None, size: int) -> ByteRange | None:
    """The requested range; None for the whole, also if the header is invalid or names several ranges.

    Raises `UnsatisfiableRange`.
    """
    match = SINGLE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < start:
            return None
    if start >= end:
        raise UnsatisfiableRange(header)
    return ByteRange(start, end, size)
