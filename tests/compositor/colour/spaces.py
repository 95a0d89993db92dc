"""Files that declare a colour space in the ways of their formats.

Written from the PNG specification (third edition), ICC.1:2001-04 and ISO/IEC 23001-8.
"""

import io
import struct
import zlib

import numpy as np
from PIL import Image

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


def saved(pixels: np.ndarray, image_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, image_format, **options)
    return out.getvalue()


def avif(pixels: np.ndarray, primaries: int, transfer: int, **options: object) -> bytes:
    """An AVIF file with these code points in its `nclx` box, into which the encoder wrote those of sRGB."""
    file = saved(pixels, "AVIF", quality=100, subsampling="4:4:4", speed=9, **options)
    at = file.index(b"nclx") + 4
    return file[:at] + struct.pack(">HH", primaries, transfer) + file[at + 4 :]
