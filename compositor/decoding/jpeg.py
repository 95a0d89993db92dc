"""The structure of JPEG files (ITU-T T.81, annex B)."""

import re
from collections.abc import Iterator, Set
from itertools import pairwise

FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF0 - SOF15; the others are tables
START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
_END = b"\xff\xd9"
_PROGRESSIVE = {0xC2, 0xCA}
_ARITHMETIC = {0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}

_WITH_MEANING = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")  # no stuffed, restart or fill byte


def markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Each marker that starts a segment or ends the picture, and the offset of its segment's length.

    Skips junk between segments, as decoders do.
    """
    found = _WITH_MEANING.search(data, 2)
    while found:
        marker, at = data[found.end() - 1], found.end()
        yield marker, at
        if marker == _END_OF_IMAGE:
            return
        found = _WITH_MEANING.search(data, at + _length(data, at))


def repaired(data: bytes, without: Set[int] = frozenset()) -> bytes:
    """The first picture of the file, without junk between its segments and the segments in `without`.

    Keeps the data between a scan's header and the next segment: the pixels.
    """
    view = memoryview(data)
    parts = [view[:2]]
    for (marker, at), (_, next_at) in pairwise([*markers(data), (_END_OF_IMAGE, len(data) + 2)]):
        length = {START_OF_SCAN: len(data), _END_OF_IMAGE: 0}.get(marker, _length(data, at))
        if marker not in without:
            parts.append(view[at - 2 : min(at + length, next_at - 2)])
    return b"".join(parts)


def ended(data: bytes) -> bytes:
    """Repaired `data` with an end marker, unless its coding is arithmetic.

    Decoders do not notice missing pixels in arithmetic coding, so a missing end marker must remain visible.
    """
    if data.endswith(_END) or any(marker in _ARITHMETIC for marker, _ in markers(data)):
        return data
    return data + _END


def cut_between_scans(data: bytes) -> bool:
    """Whether the file ends in a scan's header or, if progressive, misses bits of a coefficient (annex G)."""
    missing: dict[int, list[int]] = {}
    for marker, at in markers(data):
        if marker == START_OF_SCAN and at + _length(data, at) > len(data) - 2:
            return True
        if marker in FRAME_HEADERS:
            if marker not in _PROGRESSIVE:
                continue
            missing = {component: [1] * 64 for component in data[at + 8 : at + _length(data, at) : 3]}
        elif marker == START_OF_SCAN and missing:
            components = data[at + 3 : at + 3 + 2 * data[at + 2] : 2]
            first, last, bits = data[at + _length(data, at) - 3 : at + _length(data, at)]
            for component in components:
                missing[component][first : last + 1] = [bits & 15] * (last + 1 - first)
    return any(any(bits) for bits in missing.values())


def _length(data: bytes, at: int) -> int:
    """Bytes of the segment whose length field is at `at`, including that field."""
    return max(2, int.from_bytes(data[at : at + 2], "big"))
