"""Removes faults from files that do not affect pixels but that strict decoders reject.

A file with all its pixels must be read, one with missing pixels refused. The decoders find out which it is;
they get the file without the parts that they reject and do not need.
"""

import zlib
from itertools import pairwise, takewhile

from PIL.PngImagePlugin import MAX_TEXT_CHUNK

from compositor.decoding.identify import declared, kind
from compositor.decoding.jpeg import repaired as repaired_jpeg
from compositor.decoding.png import CANVAS, chunk, chunks

_ANCILLARY = 0x20  # bit in the first letter of a chunk's name
_PNG_LENGTHS = {
    b"gAMA": 4,
    b"cHRM": 32,
    b"sRGB": 1,
    b"cICP": 4,
    b"cLLI": 8,
    b"mDCV": 24,
    b"acTL": 8,
    b"fcTL": 26,
}
_TRANSPARENCY_LENGTHS = {b"\0": {2}, b"\2": {6}, b"\3": set(range(1, 257))}  # by colour type


def repaired(data: bytes) -> bytes:
    """`data` without faults that do not affect pixels, and without chunks and segments that are not used."""
    repair = {"JPEG": repaired_jpeg, "PNG": _png, "WEBP": _webp}.get(kind(data) or "")
    return repair(data) if repair else data


def valid_png(data: bytes) -> bytes:
    """The PNG file `data` with only the valid chunks that are used, the available pixels, and an end."""
    return b"".join([*_valid_parts(data), chunk(b"IEND", b"")])


def _png(data: bytes) -> bytes:
    parts, header = _valid_parts(data), declared(data)
    if header and header.width and header.height:  # otherwise the size of the canvas would go unchecked
        parts = _first_frame(parts)
    return b"".join([*parts, chunk(b"IEND", b"")])


def _valid_parts(data: bytes) -> list[memoryview]:
    view = memoryview(data)
    parts = [view[:8]]
    for name, content in chunks(data):
        start, end = content.start - 8, content.stop + 4
        if name == b"IEND" or (end > len(data) and name != b"IDAT"):
            break
        if end > len(data):
            parts.append(memoryview(chunk(name, data[content])))
        elif not name[0] & _ANCILLARY or _is_used(data[start:end], data[25:26]):
            parts.append(view[start:end])
    return parts


def _first_frame(parts: list[memoryview]) -> list[memoryview]:
    """The parts of a PNG file whose default image is replaced by the first frame, if it is not that frame.

    A `CANVAS` chunk holds the canvas size and the frame's offset.
    """
    names = [bytes(part[4:8]) for part in parts]
    if b"acTL" not in names or b"fcTL" not in names or b"IDAT" not in names:
        return parts
    control, pixels = names.index(b"fcTL"), names.index(b"IDAT")
    if control < pixels:
        return parts
    number, size, offset, rest = (bytes(parts[control][a:b]) for a, b in pairwise((8, 12, 20, 28, -4)))
    frame = takewhile(lambda part: bytes(part[4:8]) == b"fdAT", parts[control + 1 :])
    rewritten: list[bytes | memoryview] = [
        chunk(b"IHDR", size + bytes(parts[1][16:-4])),
        chunk(CANVAS, bytes(parts[1][8:16]) + offset),
        *parts[2:pixels],
        chunk(b"fcTL", number + size + bytes(8) + rest),
        *(chunk(b"IDAT", bytes(part[12:-4])) for part in frame),
    ]
    return [parts[0], *(memoryview(part) for part in rewritten)]


def _is_used(chunk: bytes, colour_type: bytes) -> bool:
    """Whether the ancillary PNG `chunk` is used here and valid; decoders may reject others."""
    length, name, content, checksum = len(chunk) - 12, chunk[4:8], chunk[8:-4], chunk[-4:]
    if checksum != zlib.crc32(chunk[4:-4]).to_bytes(4, "big"):
        return False
    if name == b"iCCP":
        title, _, packed = content[:80].partition(b"\0")
        return bool(title) and packed[:1] == b"\0" and _inflates(content[len(title) + 2 :])
    if name == b"tRNS":
        return length in _TRANSPARENCY_LENGTHS.get(colour_type, ())
    return name in (b"eXIf", b"fdAT") or length == _PNG_LENGTHS.get(name)


def _inflates(packed: bytes) -> bool:
    """Whether `packed` is valid and inflates to no more than Pillow allows without refusing the file."""
    stream = zlib.decompressobj()
    try:
        stream.decompress(packed, MAX_TEXT_CHUNK)
    except zlib.error:
        return False
    return not stream.unconsumed_tail


def _webp(data: bytes) -> bytes:
    """Without a truncated last chunk: metadata, or pixels that the decoder will then report as missing."""
    limit = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    end = at = 12
    while at + 8 <= limit:
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        if at <= limit:
            end = at = at + at % 2
    kept = data[8:end].ljust(end - 8, b"\0")
    return data[:4] + len(kept).to_bytes(4, "little") + kept
