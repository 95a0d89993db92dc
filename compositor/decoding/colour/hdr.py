"""Tone mapping of PQ and HLG (ITU-R BT.2100) for a display without headroom, as in browsers.

Light is linear RGB with BT.2020 primaries, float32; 1 is the white of 203 cd/m2 (ITU-R BT.2408).
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_WHITE = 203.0
_HLG_PEAK = 1000.0
PEAK = 1000.0
"""The peak luminance, in cd/m2, of a picture that does not declare one."""
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)


def pq(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of `levels`, 0 to 1, of the perceptual quantizer (BT.2100, table 4)."""
    root = levels ** (1 / 78.84375)
    light: NDArray[np.float64] = (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (
        1 / 0.1593017578125
    )
    return light * (10_000 / _WHITE)


def hlg(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scene light, 0 to 1, of `levels`, 0 to 1, of hybrid log-gamma (BT.2100, table 5)."""
    bright = (np.exp((levels - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.where(levels <= 0.5, levels**2 / 3, bright)


def displayed(scene: Floats) -> Floats:
    """(..., 3) display light of HLG scene light on a display of 1000 cd/m2 (BT.2100, table 5, OOTF)."""
    luminance = scene @ _LUMINANCE
    shown: Floats = scene * (luminance ** np.float32(0.2) * np.float32(_HLG_PEAK / _WHITE))[..., np.newaxis]
    return shown


def toned(light: Floats, peak: float) -> Floats:
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
    curve: Floats = np.where(x <= 1, x * white, bent)
    return curve
