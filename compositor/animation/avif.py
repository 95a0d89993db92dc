"""The number of plays of an AVIF sequence, which Pillow neither reads nor writes (ISO 14496-12, 8.2 and 8.6).

The edit list has the duration of one play and the repeat flag, the track header the total duration.
"""

from collections.abc import Iterator

from compositor.decoding.isobmff import Span, boxes, inner

_REPEATS = 1  # flag of an edit list
_MOVIE, _TRACK, _EDITS = 24, 28, 8  # offset of the duration in `mvhd`, `tkhd` and `elst` of version 1
_DATES = 8  # bytes by which the fields before the duration are shorter in version 0


def plays(data: bytes) -> int:
    """How many times the sequence plays; 0 for ever, or if the file does not say."""
    try:
        track = inner(data, next(_tracks(data)))
        edits, header = _edits(data, track), track[b"tkhd"][0]
        if not data[edits + 3] & _REPEATS:
            return 1
        once, total = _number(data, _duration(data, edits, _EDITS)), _duration(data, header, _TRACK)
        is_endless = not any(255 - byte for byte in data[total])
        return 0 if is_endless else max(1, -(-_number(data, total) // once))
    except (KeyError, IndexError, StopIteration, ZeroDivisionError):
        return 0


def with_plays(data: bytes, plays: int) -> bytes:
    """The AVIF sequence `data`, which libavif wrote with endless repetition, with `plays` plays instead."""
    if not plays:
        return data
    patched = bytearray(data)
    movie = inner(data, inner(data, (0, len(data)))[b"moov"])
    for track in [inner(data, span) for span in _tracks(data)]:
        once = _number(data, _duration(data, _edits(data, track), _EDITS))
        for at in (_duration(data, track[b"tkhd"][0], _TRACK), _duration(data, movie[b"mvhd"][0], _MOVIE)):
            patched[at] = min(once * plays, 2**63).to_bytes(at.stop - at.start, "big")
    return bytes(patched)


def _tracks(data: bytes) -> Iterator[Span]:
    movie = inner(data, (0, len(data)))[b"moov"]
    return (span for name, span in boxes(data, movie) if name == b"trak")


def _edits(data: bytes, track: dict[bytes, Span]) -> int:
    return inner(data, track[b"edts"])[b"elst"][0]


def _duration(data: bytes, box: int, offset: int) -> slice:
    """The slice of the duration in the content at `box`; `offset` is that of version 1."""
    if data[box]:
        return slice(box + offset, box + offset + 8)
    start = box + offset - (_DATES if offset != _EDITS else 0)
    return slice(start, start + 4)


def _number(data: bytes, at: slice) -> int:
    return int.from_bytes(data[at], "big")
