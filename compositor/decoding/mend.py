"""Files as strict decoders want them, where what is wrong with them costs no pixel.

The rule for every file: all its pixels are there, it is read; some are missing, it is refused. Whether they
are is left to the decoders, which get the file without what they would stumble over and never need.
"""

import zlib
from itertools import pairwise, takewhile

from PIL.PngImagePlugin import MAX_TEXT_CHUNK

from compositor.decoding.header import declared, kind
from compositor.decoding.jpeg import mended as mended_jpeg
from compositor.decoding.png import CANVAS, chunk, chunks

_ANCILLARY = 0x20  # bit of a chunk's first letter
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


def mended(data: bytes) -> bytes:
    """`data` without its faults that cost no pixel, and without chunks and segments that are not read."""
    mend = {"JPEG": mended_jpeg, "PNG": _png, "WEBP": _webp}.get(kind(data) or "")
    return mend(data) if mend else data


def sound_png(data: bytes) -> bytes:
    """The PNG file `data` with the chunks that are used, if they are sound, the pixels as far as they go, and
    an end."""
    return b"".join([*_sound_parts(data), chunk(b"IEND", b"")])


def _png(data: bytes) -> bytes:
    parts, header = _sound_parts(data), declared(data)
    if header and header.width and header.height:  # else nobody would judge the canvas that would be made
        parts = _first_frame(parts)
    return b"".join([*parts, chunk(b"IEND", b"")])


def _sound_parts(data: bytes) -> list[memoryview]:
    view = memoryview(data)
    parts = [view[:8]]
    for name, at in chunks(data):
        start, end = at - 8, at + int.from_bytes(data[at - 8 : at - 4], "big") + 4
        if name == b"IEND" or (end > len(data) and name != b"IDAT"):
            break
        if end > len(data):
            parts.append(memoryview(chunk(name, data[at : end - 4])))
        elif not name[0] & _ANCILLARY or _is_used(data[start:end], data[25:26]):
            parts.append(view[start:end])
    return parts


def _first_frame(parts: list[memoryview]) -> list[memoryview]:
    """The parts of a PNG file; where its default image is no frame, those of the first frame as a picture.

    `CANVAS` says on which canvas that lies, and where.
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
    """Whether the ancillary PNG `chunk` is one that is read here, and sound: decoders stumble over others."""
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
    """Whether `packed` unpacks to no more than Pillow takes without calling the whole file bad."""
    stream = zlib.decompressobj()
    try:
        stream.decompress(packed, MAX_TEXT_CHUNK)
    except zlib.error:
        return False
    return not stream.unconsumed_tail


def _webp(data: bytes) -> bytes:
    """Without the chunk that the file is cut short in: metadata, or pixels that will then be missed."""
    limit = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    end = at = 12
    while at + 8 <= limit:
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        if at <= limit:
            end = at = at + at % 2
    kept = data[8:end].ljust(end - 8, b"\0")
    return data[:4] + len(kept).to_bytes(4, "little") + kept
