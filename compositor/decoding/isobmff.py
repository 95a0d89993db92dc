"""The boxes of AVIF and HEIF files (ISO/IEC 14496-12 and 23008-12)."""

from collections.abc import Iterator

Span = tuple[int, int]  # start and end of a box's content

_MAX_BOXES = 10_000  # in one box; files of one picture have a dozen


def properties(data: bytes) -> list[tuple[bytes, bytes]]:
    """Type and content of the primary item's properties; empty if the file is invalid."""
    whole = (0, len(data))
    try:
        at, end = inner(data, whole)[b"meta"]
        meta = inner(data, (at + 4, end))
        parts = inner(data, meta[b"iprp"])
        held = list(boxes(data, parts[b"ipco"]))
        numbers = _associated(data, parts[b"ipma"][0], _primary(data, meta[b"pitm"][0]))
        return [(held[each - 1][0], data[slice(*held[each - 1][1])]) for each in numbers if each]
    except (KeyError, IndexError):
        return []


def boxes(data: bytes, span: Span) -> Iterator[tuple[bytes, Span]]:
    at, end = span
    for _ in range(_MAX_BOXES):
        length, head = int.from_bytes(data[at : at + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        stop = at + length if length else end
        if not at + head <= stop <= end:
            return
        yield data[at + 4 : at + 8], (at + head, stop)
        at = stop


def inner(data: bytes, span: Span) -> dict[bytes, Span]:
    return dict(boxes(data, span))


def _primary(data: bytes, at: int) -> int:
    return int.from_bytes(data[at + 4 : at + (8 if data[at] else 6)], "big")


def _associated(data: bytes, at: int, item: int) -> list[int]:
    """Indices, from 1, of the properties of `item` in the `ipma` box at `at`; 0 means none."""
    id_bytes, wide = (4 if data[at] else 2), data[at + 3] & 1
    count = int.from_bytes(data[at + 4 : at + 8], "big")
    at += 8
    for _ in range(min(count, _MAX_BOXES)):
        found, at = int.from_bytes(data[at : at + id_bytes], "big"), at + id_bytes
        each = data[at + 1 : at + 1 + data[at] * (wide + 1)]
        if found == item:
            return [
                each[i] & 127 if not wide else (each[i] & 127) << 8 | each[i + 1]
                for i in range(0, len(each), wide + 1)
            ]
        at += 1 + len(each)
    return []
