"""Files that declare a colour space in the ways of their formats.

Written from the PNG specification (third edition), ICC.1:2001-04 and ISO/IEC 23001-8.
"""

import struct
import zlib

import numpy as np

from tests.compositor.pictures import saved

Chunk = tuple[bytes, bytes]

SRGB, P3, ADOBE, BT2020 = (
    (0.3127, 0.3290, *rest)
    for rest in (
        (0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
        (0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
        (0.64, 0.33, 0.21, 0.71, 0.15, 0.06),
        (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    )
)  # x and y of white, red, green and blue
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def png(pixels: np.ndarray, *chunks: Chunk, colour_type: int | None = None) -> bytes:
    """A PNG file of (height, width[, bands]) uint8 or uint16 `pixels`, with `chunks` before them."""
    height, width = pixels.shape[:2]
    depth = 8 * pixels.itemsize
    if colour_type is None:
        colour_type = _COLOUR_TYPES[pixels[0, 0].size]
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    rows = pixels.astype(f">u{pixels.itemsize}").reshape(height, -1)
    idat = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows), level=1)
    parts = ((b"IHDR", header), *chunks, (b"IDAT", idat), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    body = name + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def cicp(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> Chunk:
    return b"cICP", bytes((primaries, transfer, matrix, full))


def gamma(level: int) -> Chunk:
    return b"gAMA", struct.pack(">I", level)


def chromaticities(space: tuple[float, ...]) -> Chunk:
    return b"cHRM", struct.pack(">8I", *(round(number * 100_000) for number in space))


def embedded(profile: bytes) -> Chunk:
    return b"iCCP", b"named\0\0" + zlib.compress(profile)


def content_light(most: int) -> Chunk:
    return b"cLLI", struct.pack(">II", most * 10_000, 100 * 10_000)


def mastering_display(most: int) -> Chunk:
    numbers = [round(number * 50_000) for number in (*BT2020[2:], *BT2020[:2])]
    return b"mDCV", struct.pack(">8HII", *numbers, most * 10_000, 50)


INK_LIGHTNESS = 50  # of L* 0 - 100: all coloured inks of `odd_cmyk_profile` are the same grey
SRGB_CHUNK: Chunk = (b"sRGB", b"\0")
LINEAR = b"curv\0\0\0\0" + struct.pack(">I", 0)
GAMMA_1_8 = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(1.8 * 256))


def fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


SRGB_CURVE = b"para\0\0\0\0\0\3\0\0" + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile(
    space: tuple[float, ...] | None, curve: bytes, name: str = "sRGB IEC61966-2.1", **more: bytes
) -> bytes:
    """An ICC profile of primaries and a curve, of grey without primaries; its `name` is that of sRGB."""
    text = name.encode() + b"\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text\0\0\0\0CC0\0",
        b"wtpt": b"XYZ \0\0\0\0" + fixed(*_D50),
        **{tag.encode(): content for tag, content in more.items()},
    }
    if space is None:
        tags[b"kTRC"] = curve
    else:
        matrix = _to_xyz(*space)
        for band, letter in enumerate((b"r", b"g", b"b")):
            tags |= {letter + b"XYZ": b"XYZ \0\0\0\0" + fixed(*matrix[:, band]), letter + b"TRC": curve}
    return _assembled(tags, b"RGB " if space else b"GRAY")


def _to_xyz(white_x: float, white_y: float, *primaries: float) -> np.ndarray:
    columns = np.array([(x, y, 1 - x - y) for x, y in zip(primaries[::2], primaries[1::2], strict=True)]).T
    white = np.array([white_x, white_y, 1 - white_x - white_y]) / white_y
    matrix = columns * np.linalg.solve(columns, white)
    cones = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    return np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ matrix


def _assembled(tags: dict[bytes, bytes], space: bytes) -> bytes:
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for tag, content in tags.items():
        table += struct.pack(">4sII", tag, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"test", 0x02400000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s28x12s", 2026, 1, 1, 0, 0, 0, b"acsp", fixed(*_D50))
    return head.ljust(128, b"\0") + table + body


def code_points(primaries: int, transfer: int) -> bytes:
    """The `cicp` tag of an ICC profile."""
    return b"cicp\0\0\0\0" + bytes((primaries, transfer, 0, 1))


def avif(pixels: np.ndarray, primaries: int, transfer: int, **options: object) -> bytes:
    """An AVIF file with these code points in its `nclx` box, into which the encoder wrote those of sRGB."""
    file = saved(pixels, "AVIF", quality=100, subsampling="4:4:4", speed=9, **options)
    at = file.index(b"nclx") + 4
    return file[:at] + struct.pack(">HH", primaries, transfer) + file[at + 4 :]


def odd_cmyk_profile() -> bytes:
    """CMYK to Lab: paper is white, black is black, any other full ink or mixture is medium grey."""
    tags = {b"desc": _description(), b"cprt": b"text\0\0\0\0CC0\0", b"wtpt": _white(), b"A2B0": _table()}
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    return _cmyk_header(at + len(body)) + table + body


def _cmyk_header(size: int) -> bytes:
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
