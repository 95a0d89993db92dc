"""Reads and writes ICC profiles with three primaries and curves (ICC.1:2022).

LittleCMS handles profiles with tables; Pillow's binding supports only 8-bit pixels and no HDR.
"""

import io
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeVar, TypeVarTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms

Floats = NDArray[np.float32]
Rest = TypeVarTuple("Rest")
R = TypeVar("R")

D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_DATE = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)  # constant, so that equal pictures result in equal files
_MAX_TAGS = 100
_SHARED_MAX_BYTES = 1 << 20
_BANDS = (b"r", b"g", b"b")
_PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}  # of each function type of a parametric curve
_IDENTITY = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]


class Curve(NamedTuple):
    """`(a x + b) ** g` for x >= d, else `c x`: parametricCurveType, function type 3 (ICC.1, 10.18)."""

    g: float
    a: float = 1
    b: float = 0
    c: float = 0
    d: float = 0


class Shaper(NamedTuple):
    """The matrix of a profile from linear light to XYZ (D50), None for grey, and its curves.

    `light` is (bands, levels) float32, the linear light of all levels from 0 to the largest.
    """

    to_xyz: NDArray[np.float64] | None
    light: Floats


def shared(build: Callable[[bytes, *Rest], R]) -> Callable[[bytes, *Rest], R]:
    """`build` with a cache of its last results, so that all frames of an animation share one.

    Profiles of more than a megabyte, the maximum in a PNG, are not cached.
    """
    cached: Callable[..., R] = lru_cache(maxsize=4)(build)

    def built(profile: bytes, /, *rest: *Rest) -> R:
        return cached(profile, *rest) if len(profile) <= _SHARED_MAX_BYTES else build(profile, *rest)

    return built


def opens(profile: bytes) -> bool:
    try:
        ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return True
    except (ImageCms.PyCMSError, OSError):
        return False


def dated(profile: bytes) -> bytes:
    """`profile` with a constant creation date."""
    return profile[:24] + _DATE + profile[36:]


def to_xyz(white: tuple[float, float], *primaries: tuple[float, float]) -> NDArray[np.float64]:
    """The matrix from linear RGB to XYZ, adapted to D50 (Bradford), of the chromaticities x, y.

    Raises `ValueError` if they do not span a space.
    """
    columns = np.array([(x, y, 1 - x - y) for x, y in primaries]).T
    if white[1] <= 0 or abs(np.linalg.det(columns)) < 1e-6:
        raise ValueError("no colour space has these primaries")
    whole = np.array([white[0], white[1], 1 - sum(white)]) / white[1]
    matrix = columns * np.linalg.solve(columns, whole)
    cones = (_BRADFORD @ D50) / (_BRADFORD @ whole)
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ matrix
    return adapted


def profile(
    name: str, matrix: NDArray[np.float64], curve: Curve, more: dict[bytes, bytes] | None = None
) -> bytes:
    """A display profile with a `matrix` to XYZ, one `curve` and `more` tags."""
    shape = b"para\0\0\0\0\0\3\0\0" + _fixed(*curve)
    tags = {
        b"desc": _text(name),
        b"cprt": _text("CC0"),
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(*D50),
        **{band + b"XYZ": b"XYZ \0\0\0\0" + _fixed(*matrix[:, i]) for i, band in enumerate(_BANDS)},
        **{band + b"TRC": shape for band in _BANDS},
        **(more or {}),
    }
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for tag, content in tags.items():
        table += struct.pack(">4sII", tag, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    kind = b"mntrRGB XYZ "  # device class, its colour space, and that of the matrix
    head = struct.pack(
        ">I4xI12s12s4s28x12s", start + len(body), 0x04400000, kind, _DATE, b"acsp", _fixed(*D50)
    )
    return head.ljust(128, b"\0") + table + body


def _fixed(*numbers: float) -> bytes:
    """s15Fixed16Number (ICC.1, 4.6)."""
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def _text(text: str) -> bytes:
    """multiLocalizedUnicodeType (ICC.1, 10.15)."""
    return struct.pack(">4s4xII2s2sII", b"mluc", 1, 12, b"en", b"US", 2 * len(text), 28) + text.encode(
        "utf-16-be"
    )


def tags(profile: bytes) -> dict[bytes, bytes]:
    """Content of each tag by name; empty if `profile` is invalid."""
    count = min(int.from_bytes(profile[128:132], "big"), _MAX_TAGS)
    entries = profile[132 : 132 + 12 * count]
    whole = struct.iter_unpack(">4sII", entries[: len(entries) // 12 * 12])
    return {name: profile[at : at + length] for name, at, length in whole}


def shaper(profile: bytes, levels: int) -> Shaper | None:
    """The matrix and the curves of `profile` for `levels` levels; None if it has tables or is invalid."""
    found = tags(profile)
    try:
        if b"A2B0" in found:
            return None
        if b"kTRC" in found:
            return Shaper(None, _light(found[b"kTRC"], levels)[np.newaxis])
        matrix = np.array([struct.unpack_from(">3i", found[band + b"XYZ"], 8) for band in _BANDS]).T / 65536
        curves = [found[band + b"TRC"] for band in _BANDS]
        light = {curve: _light(curve, levels) for curve in curves}  # usually the same curve for all bands
        return Shaper(matrix, np.stack([light[curve] for curve in curves]))
    except (KeyError, ValueError, ZeroDivisionError, struct.error):
        return None


def _light(tag: bytes, levels: int) -> Floats:
    """The light of each level by a curveType or parametricCurveType (ICC.1, 10.6 and 10.18)."""
    x = np.linspace(0, 1, levels)
    kind, count, function = struct.unpack_from(">4s4xIH", tag.ljust(14, b"\0"))
    if kind == b"para":
        return _parametric(x, tag, count >> 16)
    if kind != b"curv":
        raise ValueError(f"no curve: {kind!r}")
    if count < 2:
        light = x ** (function / 256) if count else x
    else:
        table = np.frombuffer(tag, ">u2", count, 12)  # before `linspace`, because it raises for a wrong count
        light = np.interp(x, np.linspace(0, 1, count), table / 65535)
    return light.astype(np.float32)


def _parametric(x: NDArray[np.float64], tag: bytes, function: int) -> Floats:
    """`(a x + b) ** g + e` for x >= d, else `c x + f`; the function type defines which of them are given."""
    given = struct.unpack_from(f">{_PARAMETERS[function]}i", tag, 12)
    g, a, b, c, d, e, f = [number / 65536 for number in given] + _IDENTITY[len(given) :]
    if function in (1, 2):
        c, d, e, f = 0, -b / a, c, c
    light = np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)
    whole: Floats = light.clip(0, 1).astype(np.float32)
    return whole
