"""Converts pixels of 8 or 16 bits to 8-bit sRGB by way of linear light."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compositor.decoding.colour import cicp, hdr, icc

Floats = NDArray[np.float32]
Levels = NDArray[Any]  # of uint8 or uint16

_CHUNK_PIXELS = 1 << 14  # whose floats fit into the cache
_STEPS = 1 << 16  # of linear light; at the steepest slope a step is 1/20 of a level


@dataclass(frozen=True)
class Rendering:
    """Converts levels to 8-bit sRGB.

    `light` is (bands, levels) float32; `mapped` converts (..., 3) of it to linear sRGB, None keeps grey.
    """

    light: Floats
    mapped: Callable[[Floats], Floats] | None

    def __call__(self, levels: Levels) -> NDArray[np.uint8]:
        """(height, width, bands) 8-bit sRGB of levels of that shape; `mapped` turns one band into three."""
        mapped = self.mapped
        if mapped is None:
            table = _encoded(self.light[0])
            return _by_rows(lambda part: table.take(part), levels, 1)

        def rendered(part: Levels) -> NDArray[np.uint8]:
            bands = [table.take(part[..., i % part.shape[-1]]) for i, table in enumerate(self.light)]
            return _encoded(mapped(np.stack(bands, axis=-1)))

        return _by_rows(rendered, levels, 3)


def eight_bits(levels: Levels) -> NDArray[np.uint8]:
    """(height, width, bands) levels of 8 or 16 bits, rounded to 8 bits."""
    if levels.dtype == np.uint8:
        return levels
    return _by_rows(lambda part: (part.astype(np.uint32) * 255 + 32895) >> 16, levels, levels.shape[-1])


def _by_rows(function: Callable[[Levels], NDArray[Any]], levels: Levels, bands: int) -> NDArray[np.uint8]:
    """`function` of all `levels`, a few rows at a time, because it uses many bytes per level."""
    height, width = levels.shape[:2]
    out = np.empty((height, width, bands), np.uint8)
    rows = max(1, _CHUNK_PIXELS // width)
    for top in range(0, height, rows):
        out[top : top + rows] = function(levels[top : top + rows])
    return out


@icc.shared
def rendering(profile: bytes, kind: np.dtype[Any], peak: float) -> Rendering | None:
    """The rendering of levels of dtype `kind` by an ICC `profile`; None if it has tables."""
    levels = int(np.iinfo(kind).max) + 1
    points = cicp.hdr(profile)
    if points:
        return _hdr(*points, levels, peak)
    shaper = icc.shaper(profile, levels)
    if shaper is None or shaper.to_xyz is None:
        return shaper and Rendering(shaper.light, None)
    return Rendering(shaper.light, _by(_FROM_XYZ @ shaper.to_xyz))


def _hdr(primaries: int, transfer: int, levels: int, peak: float) -> Rendering:
    decode = hdr.pq if transfer == cicp.PQ else hdr.hlg
    light = decode(np.linspace(0, 1, levels)).astype(np.float32)
    wide = icc.to_xyz(*cicp.PRIMARIES[cicp.BT2020])
    to_wide = _by(np.linalg.inv(wide) @ icc.to_xyz(*cicp.PRIMARIES[primaries]))
    to_srgb = _by(_FROM_XYZ @ wide)

    def mapped(pixels: Floats) -> Floats:
        pixels = to_wide(pixels).clip(0)
        return to_srgb(hdr.toned(hdr.displayed(pixels) if transfer == cicp.HLG else pixels, peak))

    return Rendering(np.stack([light] * 3), mapped)


def _by(matrix: NDArray[np.float64]) -> Callable[[Floats], Floats]:
    transposed: Floats = matrix.T.astype(np.float32)

    def multiplied(pixels: Floats) -> Floats:
        product: Floats = pixels @ transposed
        return product

    return multiplied


def _encoded(light: Floats) -> NDArray[np.uint8]:
    """8-bit sRGB of linear light, 0 to 1 (IEC 61966-2-1)."""
    steps = light * np.float32(_STEPS - 1) + np.float32(0.5)
    encoded: NDArray[np.uint8] = _SRGB_LEVELS.take(steps.clip(0, _STEPS - 1, out=steps).astype(np.uint16))
    return encoded


def _srgb_levels() -> NDArray[np.uint8]:
    light = np.linspace(0, 1, _STEPS)
    levels = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    whole: NDArray[np.uint8] = np.rint(levels * 255).astype(np.uint8)
    return whole


_FROM_XYZ = np.linalg.inv(icc.to_xyz(*cicp.PRIMARIES[cicp.BT709]))
_SRGB_LEVELS = _srgb_levels()
