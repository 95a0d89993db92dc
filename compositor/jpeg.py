"""The structure of JPEG files (ITU-T T.81, annex B)."""

import re
from collections.abc import Iterator

FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF0 - SOF15; the others are tables
START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9

_WITH_MEANING = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")  # no stuffed byte, restart or fill byte


def markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Each marker that begins a segment or ends the picture, and where its segment's length stands.

    Junk between segments is passed over, as decoders do.
    """
    found = _WITH_MEANING.search(data, 2)
    while found:
        marker, at = data[found.end() - 1], found.end()
        yield marker, at
        if marker == _END_OF_IMAGE:
            return
        found = _WITH_MEANING.search(data, at + max(2, int.from_bytes(data[at : at + 2], "big")))
