"""An ICC profile of a printer with unusual inks, whose effect is easy to recognise.

Written from ICC.1:2001-04 (version 2.4.0), sections 6.1 (header), 6.2 (tag table) and 6.5.8 (lut8Type).
"""

import struct

INK_LIGHTNESS = 50  # of L* 0 - 100: all coloured inks of this printer are the same grey


def odd_cmyk_profile() -> bytes:
    """CMYK to Lab: paper is white, black is black, any other full ink or mixture is medium grey."""
    tags = {b"desc": _description(), b"cprt": b"text\0\0\0\0CC0\0", b"wtpt": _white(), b"A2B0": _table()}
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    return _header(at + len(body)) + table + body


def _header(size: int) -> bytes:
    illuminant = struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)  # D50, s15Fixed16
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    date = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    rest = struct.pack(">4s4sIIIQI", b"acsp", b"APPL", 0, 0, 0, 0, 0) + illuminant
    return (head + date + rest).ljust(128, b"\0")


def _description() -> bytes:
    text = b"odd inks\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67)


def _white() -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)


def _table() -> bytes:
    grid = 2
    head = b"mft1\0\0\0\0" + struct.pack(">4B", 4, 3, grid, 0)
    identity = struct.pack(">9i", *(0x10000 if at % 4 == 0 else 0 for at in range(9)))
    ramp = bytes(range(256))
    ink = bytes([round(INK_LIGHTNESS * 255 / 100), 128, 128])
    white, black = bytes([255, 128, 128]), bytes([0, 128, 128])
    corners = white + b"".join(black if corner % 2 else ink for corner in range(1, grid**4))
    return head + identity + ramp * 4 + corners + ramp * 3
