"""The blend modes of W3C Compositing and Blending Level 1, section 10, and those of a ComfyUI node.

Cb is the base's colour and Cs the overlay's, (3, height, width) float32 between 0 and 1; B(Cb, Cs) is their
mixture where both are opaque. Each function's docstring is its formula.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LUMINOSITY = np.array([0.3, 0.59, 0.11], np.float32)
_TINY = np.float32(1e-7)
_GAP = np.float32(0.001)
_MORE_THAN_ONE = np.float32(1 + 0.5 / 255)  # between 255 and 256 levels, out of reach of rounding errors


def multiply(cb: Floats, cs: Floats) -> Floats:
    """Cb x Cs"""
    return cb * cs


def screen(cb: Floats, cs: Floats) -> Floats:
    """Cb + Cs - Cb x Cs"""
    return cb + cs - cb * cs


def overlay(cb: Floats, cs: Floats) -> Floats:
    """HardLight(Cs, Cb)"""
    return hard_light(cs, cb)


def darken(cb: Floats, cs: Floats) -> Floats:
    """min(Cb, Cs)"""
    return np.minimum(cb, cs)


def lighten(cb: Floats, cs: Floats) -> Floats:
    """max(Cb, Cs)"""
    return np.maximum(cb, cs)


def color_dodge(cb: Floats, cs: Floats) -> Floats:
    """0 if Cb = 0, else 1 if Cs = 1, else min(1, Cb / (1 - Cs))"""
    return np.where(cb == 0, np.float32(0), np.minimum(1, cb / np.maximum(1 - cs, _TINY)))


def color_burn(cb: Floats, cs: Floats) -> Floats:
    """1 if Cb = 1, else 0 if Cs = 0, else 1 - min(1, (1 - Cb) / Cs)"""
    return np.where(cb == 1, np.float32(1), 1 - np.minimum(1, (1 - cb) / np.maximum(cs, _TINY)))


def hard_light(cb: Floats, cs: Floats) -> Floats:
    """Multiply(Cb, 2 Cs) if Cs <= 0.5, else Screen(Cb, 2 Cs - 1)"""
    return np.where(cs <= 0.5, multiply(cb, 2 * cs), screen(cb, 2 * cs - 1))


def soft_light(cb: Floats, cs: Floats) -> Floats:
    """Cb - (1 - 2 Cs) Cb (1 - Cb) if Cs <= 0.5, else Cb + (2 Cs - 1) (D(Cb) - Cb)

    with D(x) = ((16 x - 12) x + 4) x if x <= 0.25, else sqrt(x)
    """
    d = np.where(cb <= 0.25, ((16 * cb - 12) * cb + 4) * cb, np.sqrt(cb))
    return np.where(cs <= 0.5, cb - (1 - 2 * cs) * cb * (1 - cb), cb + (2 * cs - 1) * (d - cb))


def difference(cb: Floats, cs: Floats) -> Floats:
    """|Cb - Cs|"""
    return np.maximum(cb, cs) - np.minimum(cb, cs)


def exclusion(cb: Floats, cs: Floats) -> Floats:
    """Cb + Cs - 2 Cb Cs"""
    return cb + cs - 2 * cb * cs


# From here to `hard_mix`: the arithmetic of LayerStyle's ImageBlendAdvance. As there, vivid-light, pin-light
# and linear-light are selected by the base instead of the overlay, and 0.001 avoids a division by 0.


def linear_dodge(cb: Floats, cs: Floats) -> Floats:
    """min(1, Cb + Cs)"""
    return (cb + cs).clip(max=1)


def linear_burn(cb: Floats, cs: Floats) -> Floats:
    """max(0, Cb + Cs - 1)"""
    return (cb + cs - 1).clip(min=0)


def subtract(cb: Floats, cs: Floats) -> Floats:
    """max(0, Cb - Cs)"""
    return (cb - cs).clip(min=0)


def vivid_light(cb: Floats, cs: Floats) -> Floats:
    """max(0, 1 - (1 - Cs) / (2 Cb + 0.001)) if Cb < 0.5, else min(1, Cs / (2 (1 - Cb) + 0.001))"""
    burnt = np.maximum(0, 1 - (1 - cs) / (2 * cb + _GAP))
    return np.where(cb < 0.5, burnt, np.minimum(1, cs / (2 * (1 - cb) + _GAP)))


def pin_light(cb: Floats, cs: Floats) -> Floats:
    """Cs, clipped to 2 Cb - 1 ... 2 Cb"""
    return cs.clip(2 * cb - 1, 2 * cb)


def linear_light(cb: Floats, cs: Floats) -> Floats:
    """Cs + 2 Cb - 1, clipped to 0 ... 1"""
    return (cs + 2 * cb - 1).clip(0, 1)


def hard_mix(cb: Floats, cs: Floats) -> Floats:
    """1 if Cb + Cs > 1, else 0"""
    return (cb + cs > _MORE_THAN_ONE).astype(np.float32)


def hue(cb: Floats, cs: Floats) -> Floats:
    """SetLum(SetSat(Cs, Sat(Cb)), Lum(Cb))"""
    return _set_lum(_set_sat(cs, _sat(cb)), _lum(cb))


def saturation(cb: Floats, cs: Floats) -> Floats:
    """SetLum(SetSat(Cb, Sat(Cs)), Lum(Cb))"""
    return _set_lum(_set_sat(cb, _sat(cs)), _lum(cb))


def color(cb: Floats, cs: Floats) -> Floats:
    """SetLum(Cs, Lum(Cb))"""
    return _set_lum(cs, _lum(cb))


def luminosity(cb: Floats, cs: Floats) -> Floats:
    """SetLum(Cb, Lum(Cs))"""
    return _set_lum(cb, _lum(cs))


def _lum(c: Floats) -> Floats:
    """0.3 red + 0.59 green + 0.11 blue"""
    lum: Floats = np.tensordot(_LUMINOSITY, c, 1)
    return lum[None]


def _min(c: Floats) -> Floats:
    least: Floats = c.min(axis=0, keepdims=True)
    return least


def _max(c: Floats) -> Floats:
    greatest: Floats = c.max(axis=0, keepdims=True)
    return greatest


def _sat(c: Floats) -> Floats:
    """max(c) - min(c)"""
    return _max(c) - _min(c)


def _set_sat(c: Floats, sat: Floats) -> Floats:
    """c scaled so that its minimum is 0 and its maximum `sat`; 0 where c is grey"""
    own: Floats = np.maximum(_sat(c), _TINY)
    return (c - _min(c)) * sat / own


def _set_lum(c: Floats, lum: Floats) -> Floats:
    """ClipColor(c + lum - Lum(c))"""
    return _clip_color(c + (lum - _lum(c)))


def _clip_color(c: Floats) -> Floats:
    """c moved towards its luminosity until all bands are between 0 and 1"""
    lum, least, greatest = _lum(c), _min(c), _max(c)
    low: Floats = np.where(least < 0, lum + (c - lum) * lum / np.maximum(lum - least, _TINY), c)
    towards = (1 - lum) / np.maximum(greatest - lum, _TINY)
    return np.where(greatest > 1, lum + (low - lum) * towards, low)


BLENDS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "multiply": multiply,
    "screen": screen,
    "overlay": overlay,
    "darken": darken,
    "lighten": lighten,
    "color-dodge": color_dodge,
    "color-burn": color_burn,
    "hard-light": hard_light,
    "soft-light": soft_light,
    "difference": difference,
    "exclusion": exclusion,
    "add": linear_dodge,
    "linear-dodge": linear_dodge,
    "linear-burn": linear_burn,
    "subtract": subtract,
    "vivid-light": vivid_light,
    "pin-light": pin_light,
    "linear-light": linear_light,
    "hard-mix": hard_mix,
    "hue": hue,
    "saturation": saturation,
    "color": color,
    "luminosity": luminosity,
}
