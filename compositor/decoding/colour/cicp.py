"""ICC profiles for the code points of ITU-T H.273 in PNG, AVIF and HEIF files."""

import struct
from functools import cache

from compositor.decoding.colour import icc

SRGB = (1, 13)
PQ, HLG = 16, 18
UNSPECIFIED = 2
BT709, BT2020 = 1, 9

_TAG = b"cicp\0\0\0\0"
_D65, _C = (0.3127, 0.3290), (0.310, 0.316)
PRIMARIES = {  # H.273, table 2: white, red, green, blue
    1: (_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    4: (_C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: (_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: (_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: (_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    8: (_C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
    9: (_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    10: ((1 / 3, 1 / 3), (1, 0), (0, 1), (0, 0)),
    11: ((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: (_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: (_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
_TELEVISION = icc.Curve(2.4)  # of the reference display (ITU-R BT.1886), as in browsers
_SRGB = icc.Curve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_TRANSFER = {  # H.273, table 3: from level to linear light
    **dict.fromkeys((1, 6, 11, 14, 15), _TELEVISION),
    4: icc.Curve(2.2),
    5: icc.Curve(2.8),
    7: icc.Curve(1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 0.0912),
    8: icc.Curve(1),
    13: _SRGB,
    **dict.fromkeys((PQ, HLG), _SRGB),  # a placeholder: readers of the code points ignore it
    17: icc.Curve(2.6, (52.37 / 48) ** (1 / 2.6)),
}


@cache
def profile(primaries: int, transfer: int) -> bytes | None:
    """An ICC profile of the space with these code points: empty for sRGB, None if they are unknown."""
    if primaries not in PRIMARIES or transfer not in _TRANSFER:
        return None
    if (primaries, transfer) == SRGB:
        return b""
    tag = _TAG + bytes((primaries, transfer, 0, 1))
    matrix = icc.to_xyz(*PRIMARIES[primaries])
    return icc.profile(f"CICP {primaries}/{transfer}", matrix, _TRANSFER[transfer], {b"cicp": tag})


def gamma(exponent: float, *chromaticities: tuple[float, float]) -> bytes | None:
    """An ICC profile of a power curve and the chromaticities of white, red, green, blue; None if invalid."""
    try:
        return icc.profile(f"Gamma {exponent:.4g}", icc.to_xyz(*chromaticities), icc.Curve(exponent))
    except (ValueError, struct.error):  # struct.error: a number exceeds the range of a profile
        return None


def points(profile: bytes) -> tuple[int, int] | None:
    """The code points of primaries and transfer function in an ICC `profile` (ICC.1:2022, 9.2.17)."""
    tag = icc.tags(profile).get(b"cicp", b"")
    return (tag[8], tag[9]) if len(tag) >= 12 and tag.startswith(_TAG) else None


def hdr(profile: bytes) -> tuple[int, int] | None:
    """The code points of an ICC `profile` if they are those of PQ or HLG."""
    found = points(profile)
    return found if found and found[0] in PRIMARIES and found[1] in (PQ, HLG) else None
