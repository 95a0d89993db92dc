"""Converts pixels of 8 or 16 bits to 8-bit sRGB by way of linear light.

PQ and HLG (ITU-R BT.2100) are tone-mapped for a display without headroom, as in browsers. Their light is
linear RGB with BT.2020 primaries, float32; 1 is the white of 203 cd/m2 (ITU-R BT.2408).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compositor.decoding.colour import cicp, icc

Floats = NDArray[np.float32]
Levels = NDArray[Any]  # of uint8 or uint16

_CHUNK_PIXELS = 1 << 14  # whose floats fit into the cache
_STEPS = 1 << 16  # of linear light; at the steepest slope a step is 1/20 of a level

_WHITE = 203.0
_HLG_PEAK = 1000.0
PEAK = 1000.0
"""The peak luminance, in cd/m2, of a picture that does not declare one."""
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)


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
    decode = _pq if transfer == cicp.PQ else _hlg
    light = decode(np.linspace(0, 1, levels)).astype(np.float32)
    wide = icc.to_xyz(*cicp.PRIMARIES[cicp.BT2020])
    to_wide = _by(np.linalg.inv(wide) @ icc.to_xyz(*cicp.PRIMARIES[primaries]))
    to_srgb = _by(_FROM_XYZ @ wide)

    def mapped(pixels: Floats) -> Floats:
        pixels = to_wide(pixels).clip(0)
        return to_srgb(_toned(_displayed(pixels) if transfer == cicp.HLG else pixels, peak))

    return Rendering(np.stack([light] * 3), mapped)


def _pq(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of `levels`, 0 to 1, of the perceptual quantizer (BT.2100, table 4)."""
    root = levels ** (1 / 78.84375)
    light: NDArray[np.float64] = (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (
        1 / 0.1593017578125
    )
    return light * (10_000 / _WHITE)


def _hlg(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scene light, 0 to 1, of `levels`, 0 to 1, of hybrid log-gamma (BT.2100, table 5)."""
    bright = (np.exp((levels - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.where(levels <= 0.5, levels**2 / 3, bright)


def _displayed(scene: Floats) -> Floats:
    """(..., 3) display light of HLG scene light on a display of 1000 cd/m2 (BT.2100, table 5, OOTF)."""
    luminance = scene @ _LUMINANCE
    return scene * (luminance ** np.float32(0.2) * np.float32(_HLG_PEAK / _WHITE))[..., np.newaxis]


def _toned(light: Floats, peak: float) -> Floats:
    """(..., 3) `light` of a picture with a peak of `peak` cd/m2, mapped to 0 - 1.

    The reference white tone mapping operator of SMPTE ST 2094-50, annex D, for a display without headroom: a
    line up to white, then a quadratic Bezier curve to the peak, applied to the largest of the components.
    """
    if peak <= _WHITE:
        return light
    brightest = light.max(axis=-1)
    gain = _curve(brightest, peak / _WHITE) / np.maximum(brightest, np.float32(1e-6))
    mapped: Floats = light * gain[..., np.newaxis].astype(np.float32)
    return mapped


def _curve(x: Floats, peak: float) -> Floats:
    white = 1 - 0.5 * min(math.log2(peak) / math.log2(1000 / _WHITE), 1)
    middle_x, middle_y = 0.35 + 0.65 / white, 0.35 * white + 0.65
    a, b = 1 - 2 * middle_x + peak, 2 * middle_x - 2
    t = (np.sqrt(b * b + 4 * a * (x.clip(1, peak) - 1)) - b) / (2 * a)
    bent = (1 - t) ** 2 * white + 2 * t * (1 - t) * middle_y + t**2
    return np.where(x <= 1, x * white, bent)


def _by(matrix: NDArray[np.float64]) -> Callable[[Floats], Floats]:
    transposed: Floats = matrix.T.astype(np.float32)

    def multiplied(pixels: Floats) -> Floats:
        return pixels @ transposed

    return multiplied


def _encoded(light: Floats) -> NDArray[np.uint8]:
    """8-bit sRGB of linear light, 0 to 1 (IEC 61966-2-1)."""
    steps = light * np.float32(_STEPS - 1) + np.float32(0.5)
    return _SRGB_LEVELS.take(steps.clip(0, _STEPS - 1, out=steps).astype(np.uint16))


def _srgb_levels() -> NDArray[np.uint8]:
    light = np.linspace(0, 1, _STEPS)
    levels = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    whole: NDArray[np.uint8] = np.rint(levels * 255).astype(np.uint8)
    return whole


_FROM_XYZ = np.linalg.inv(icc.to_xyz(*cicp.PRIMARIES[cicp.BT709]))
_SRGB_LEVELS = _srgb_levels()
