"""A layer on a base in float64, by the rules that docs/parameters.md summarises.

The result is a range of levels for each pixel and band. Where resize, mask or opacity round levels, the
formulas are evaluated at both ends of the possible range.

Rotations other than quarter turns, `corners` and `displacement_map` have their own tests.
"""

import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image, ImageColor

Levels = np.ndarray
Size = tuple[int, int]
Box = tuple[int, int, int, int]  # left, top, width, height
DEFAULTS: dict[str, dict[str, Any]] = {
    "superimpose": {
        "rescale_factor": 1, "overlay_resize": "Resize by rescale_factor", "resize_method": "nearest-exact",
        "width": 1024, "height": 1024, "x_offset": 0, "y_offset": 0, "rotation": 0, "opacity": 1,
        "blend_mode": "normal", "scale_of": "width", "flip": "none", "tile_spacing": 0,
        "region_fit": "contain",
    },
    "superimpose-v2": {
        "rescale_factor": 1, "mirror": "None", "blend_mode": "normal", "opacity": 100, "x_percent": 50,
        "y_percent": 50, "rotation": 0,
    },
}  # fmt: skip
TINY = 1e-6


@dataclass(frozen=True)
class Layer:
    """The layer of a request of `model`; pictures are (height, width[, bands]) uint8."""

    model: str
    params: dict[str, Any]
    overlay: Levels | None = None
    mask: Levels | None = None

    def __getitem__(self, name: str) -> Any:
        return self.params.get(name, DEFAULTS[self.model].get(name))


@dataclass
class Source:
    """RGBA levels, not premultiplied, and the tolerance of each pixel's colour and alpha."""

    rgba: Levels
    colour_slack: Levels
    alpha_slack: Levels

    def mapped(self, function: Any) -> "Source":
        return Source(function(self.rgba), function(self.colour_slack), function(self.alpha_slack))


def put(base: Levels, layer: Layer) -> tuple[Levels, Levels]:
    """The lowest and the highest RGBA levels that the output may have."""
    height, width = base.shape[:2]
    source = _prepared(layer, (width, height))
    on_base = Source(np.zeros((height, width, 4)), np.zeros((height, width)), np.zeros((height, width)))
    for left, top in _corners(layer, source.rgba.shape[1::-1], (width, height)):
        _paste(on_base, source, left, top)
    if layer["region"] and layer["region_fit"] == "cover":
        left, top, across, down = _region(layer, (width, height))
        seen = np.zeros((height, width), bool)
        seen[max(top, 0) : max(top + down, 0), max(left, 0) : max(left + across, 0)] = True
        on_base = on_base.mapped(lambda levels: levels * (seen if levels.ndim == 2 else seen[..., None]))
    return _mixed(rgba(base), on_base, layer["blend_mode"])


def flattened(picture: Levels, background: str) -> Levels:
    """The picture on a background colour, as RGB."""
    levels = rgba(picture)
    alpha = levels[..., 3:] / 255
    return levels[..., :3] * alpha + np.array(ImageColor.getrgb(background)) * (1 - alpha)


def sized(layer: Layer, size: Size, base: Size) -> Size:
    """Width and height before the rotation."""
    width, height = size
    if layer.model == "superimpose-v2":
        return _cut_off(size, layer["rescale_factor"])
    if layer["region"]:
        across, down = _region(layer, base)[2:]
        if layer["color"] or layer["region_fit"] == "stretch":
            return across, down
        pick = max if layer["region_fit"] == "cover" else min
        return _rounded(size, pick(across / width, down / height))
    if layer["color"]:
        return base
    if layer["scale_to"]:
        side = {"width": base[0], "height": base[1], "min": min(base), "max": max(base)}[layer["scale_of"]]
        return _rounded(size, side * Fraction(layer["scale_to"]) / width)
    match layer["overlay_resize"]:
        case "None":
            return size
        case "Fit":
            return _rounded(size, min(base[0] / width, base[1] / height))
        case "Resize by rescale_factor":
            return _cut_off(size, layer["rescale_factor"])
    return layer["width"], layer["height"]


def _cut_off(size: Size, factor: float) -> Size:
    return max(int(size[0] * factor), 1), max(int(size[1] * factor), 1)


def _rounded(size: Size, factor: float | Fraction) -> Size:
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)


def _region(layer: Layer, base: Size) -> Box:
    x, y, across, down = layer["region"]
    left, right = (round(edge * base[0]) for edge in (x, x + across))
    top, bottom = (round(edge * base[1]) for edge in (y, y + down))
    return left, top, max(right - left, 1), max(bottom - top, 1)


def _prepared(layer: Layer, base: Size) -> Source:
    """The layer after flip, resize, rotation, mask and opacity."""
    if layer.overlay is None:
        levels = np.array([[(*ImageColor.getrgb(layer["color"]), 255)]], float)
        size = sized(layer, (1, 1), base)
        source = _exact(np.broadcast_to(levels, (size[1], size[0], 4)))
    else:
        size = sized(layer, layer.overlay.shape[1::-1], base)
        source = _resized(_mirrored(rgba(layer.overlay), layer), size, layer)
    turns = layer["rotation"] // 90 % 4
    source = source.mapped(lambda levels: np.rot90(levels, turns))
    alpha, slack = source.rgba[..., 3], source.alpha_slack
    share = layer["opacity"] / (100 if layer.model == "superimpose-v2" else 1)
    if layer.mask is not None:
        value, of_mask = _mask(layer, size)
        value, of_mask = (np.rot90(each, turns) for each in (value, of_mask))
        slack = slack + of_mask + (alpha < 255) * 0.5
        alpha = alpha * value
    if share < 1:
        slack = slack * share + np.where(alpha == 255, 1, 0.5 + (layer.mask is not None) * 0.5)
        alpha = alpha * share
    source.rgba = np.concatenate([source.rgba[..., :3], alpha[..., None]], 2)
    source.alpha_slack = np.where((alpha == 0) & (slack <= 1), 0, slack)
    return source


def _exact(rgba: Levels) -> Source:
    return Source(rgba, np.zeros(rgba.shape[:2]), np.zeros(rgba.shape[:2]))


def _mirrored(levels: Levels, layer: Layer) -> Levels:
    way = layer["flip"] if layer.model == "superimpose" else layer["mirror"]
    if way in ("horizontal", "both"):
        levels = levels[:, ::-1]
    return levels[::-1] if way in ("vertical", "both") else levels


def _resized(rgba: Levels, size: Size, layer: Layer) -> Source:
    """Premultiplied. Both ends are 8-bit levels, so that the colour of a faint pixel is imprecise."""
    if size == rgba.shape[1::-1]:
        return _exact(rgba)
    method = "bicubic" if layer.model == "superimpose-v2" else layer["resize_method"]
    if method == "nearest-exact":
        across, down = (
            (2 * np.arange(new) + 1) * old // (2 * new)
            for new, old in zip(size, rgba.shape[1::-1], strict=True)
        )
        return _exact(rgba[down][:, across])
    opacity = rgba[..., 3:] / 255
    is_opaque = bool((opacity == 1).all())
    premultiplied = np.concatenate([rgba[..., :3] * opacity, rgba[..., 3:]], 2)
    off = np.ones((size[1], size[0]))
    if method != "bicubic":
        weights = {"bilinear": _linear, "area": _mean}[method]
        across, down = (weights(old, new) for old, new in zip(rgba.shape[1::-1], size, strict=True))
        levels = np.einsum("yY,xX,YXb->yxb", down, across, premultiplied)
    elif is_opaque:
        bands, offs = zip(*(_bicubic(premultiplied[..., band], size) for band in range(4)), strict=True)
        levels, off = np.stack(bands, 2), np.max(offs, 0)
    else:
        levels = np.stack([_by_pillow(premultiplied[..., band], size) for band in range(4)], 2)
    seen = np.maximum(levels[..., 3:], TINY)
    levels[..., :3] *= 255 / seen
    if not is_opaque:
        off = np.minimum(off * (1 + 255 / seen[..., 0]), 255)
    levels[..., 3] = 255 if is_opaque else levels[..., 3]
    return Source(levels.clip(0, 255), off, np.full(off.shape, float(not is_opaque)))


def _bicubic(band: Levels, size: Size) -> tuple[Levels, Levels]:
    """By Pillow's filter, and how far off it may be.

    Pillow keeps 8-bit levels between its two steps, across and down, whose order is its own affair.
    """
    height, width = band.shape
    orders = ((size[0], height), (width, size[1]))
    answers = [_by_pillow(_by_pillow(band, first).clip(0, 255), size).clip(0, 255) for first in orders]
    answers.append(_by_pillow(band, size).clip(0, 255))
    low, high = np.min(answers, 0), np.max(answers, 0)
    return (low + high) / 2, (high - low) / 2 + 1


def _by_pillow(band: Levels, size: Size) -> Levels:
    image = Image.fromarray(band.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(image).astype(float)


def _linear(old: int, new: int) -> Levels:
    """Interpolates between the two nearest centres, without antialiasing."""
    at = ((np.arange(new) + 0.5) * old / new - 0.5).clip(0, old - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(old)))


def _mean(old: int, new: int) -> Levels:
    """Weights pixels by their overlap with the new one."""
    edges = np.arange(new + 1) * old / new
    first, last = edges[:-1, None], edges[1:, None]
    inside = np.minimum(last, np.arange(old) + 1) - np.maximum(first, np.arange(old))
    return inside.clip(0) * new / old


def _mask(layer: Layer, size: Size) -> tuple[Levels, Levels]:
    """The mask at the pixels of the overlay before rotation, 0 to 1, and its tolerance."""
    assert layer.mask is not None
    levels = rgba(layer.mask)
    is_rounded = layer.mask.ndim == 3
    value = levels[..., :3] @ (0.2126, 0.7152, 0.0722)
    if layer["invert_mask"]:
        value = 255 - value
    value = _mirrored(value * levels[..., 3] / 255, layer)
    slack = np.full(value.shape, float(is_rounded))
    if value.shape != size[::-1]:
        value, slack = _bicubic(value, size)
        slack = slack + is_rounded
    return value / 255, slack


def _corners(layer: Layer, size: Size, base: Size) -> list[tuple[int, int]]:
    """The top left corner of each copy."""
    if layer.model == "superimpose-v2":
        centre = layer["x_percent"], layer["y_percent"]
        x, y = (
            int(side * percent / 100 - own / 2) for side, percent, own in zip(base, centre, size, strict=True)
        )
        return [(x, y)]
    area = _region(layer, base) if layer["region"] else (0, 0, *base)
    gravity = layer["gravity"] or ("center" if layer["region"] else "northwest")
    x = _along(gravity, ("west", "east"), area[2], size[0], _offset(layer, "x", base[0]))
    y = _along(gravity, ("north", "south"), area[3], size[1], _offset(layer, "y", base[1]))
    x, y = x + area[0], y + area[1]
    if not layer["tile"]:
        return [(x, y)]
    columns, rows = (
        range(
            start % (own + layer["tile_spacing"]) - own - layer["tile_spacing"],
            side,
            own + layer["tile_spacing"],
        )
        for start, own, side in zip((x, y), size, base, strict=True)
    )
    return list(itertools.product(columns, rows))


def _offset(layer: Layer, axis: str, side: int) -> int:
    percent = layer[f"{axis}_percent"]
    return layer[f"{axis}_offset"] if percent is None else round(Fraction(percent) * side / 100)


def _along(gravity: str, ends: tuple[str, str], side: int, own: int, offset: int) -> int:
    if ends[0] in gravity:
        return offset
    if ends[1] in gravity:
        return side - own - offset
    return (side - own) // 2 + offset


def _paste(canvas: Source, source: Source, left: int, top: int) -> None:
    height, width = source.alpha_slack.shape
    below, right = canvas.alpha_slack.shape
    y1, y2, x1, x2 = max(top, 0), min(top + height, below), max(left, 0), min(left + width, right)
    if y1 < y2 and x1 < x2:
        for name in ("rgba", "colour_slack", "alpha_slack"):
            part = getattr(source, name)[y1 - top : y2 - top, x1 - left : x2 - left]
            getattr(canvas, name)[y1:y2, x1:x2] = part


def rgba(levels: Levels) -> Levels:
    """Float levels with four bands."""
    levels = levels.astype(float)
    levels = levels[..., None] if levels.ndim == 2 else levels
    if levels.shape[2] in (1, 3):
        levels = np.concatenate([levels, np.full_like(levels[..., :1], 255)], 2)
    return levels if levels.shape[2] == 4 else levels[..., [0, 0, 0, 1]]


def _mixed(below: Levels, above: Source, mode: str) -> tuple[Levels, Levels]:
    """W3C Compositing and Blending: source-over, with the colours blended where both are opaque."""
    low, high = below.copy(), below.copy()
    seen = above.rgba[..., 3] + above.alpha_slack > 0
    if not seen.any():
        return low, high
    base = below[seen] / 255
    colour, alpha = above.rgba[seen, :3] / 255, above.rgba[seen, 3:] / 255
    slack, of_alpha = above.colour_slack[seen, None] / 255, above.alpha_slack[seen, None] / 255
    colours = [colour]
    if slack.any():
        shifts = itertools.product((-1, 0, 1), repeat=3) if mode in JOINT else ((n, n, n) for n in (-1, 0, 1))
        colours = [(colour + slack * np.array(shift)).clip(0, 1) for shift in shifts]
        colours.append(base[:, :3].clip(colours[0], colours[-1]))  # where `difference` has its least
    alphas = [(alpha + of_alpha * more).clip(0, 1) for more in ((-1, 0, 1) if of_alpha.any() else (0,))]
    answers = [_over(base, *each, mode) for each in itertools.product(colours, alphas)]
    low[seen], high[seen] = np.min(answers, 0) * 255, np.max(answers, 0) * 255
    return low, high


def _over(base: Levels, colour: Levels, alpha: Levels, mode: str) -> Levels:
    behind, under = base[:, :3], base[:, 3:]
    union = alpha + under - alpha * under
    mixed = (1 - under) * colour + under * MODES[mode](behind, colour)
    levels = alpha * mixed + (1 - alpha) * under * behind
    return np.concatenate([levels / np.maximum(union, TINY), union], 1).clip(0, 1)


def _color_dodge(b: Levels, s: Levels) -> Levels:
    return np.where(b == 0, 0, np.where(s >= 1, 1, np.minimum(1, b / np.maximum(1 - s, TINY))))


def _color_burn(b: Levels, s: Levels) -> Levels:
    return np.where(b >= 1, 1, np.where(s <= 0, 0, 1 - np.minimum(1, (1 - b) / np.maximum(s, TINY))))


def _hard_light(b: Levels, s: Levels) -> Levels:
    return np.where(s <= 0.5, b * 2 * s, b + (2 * s - 1) - b * (2 * s - 1))


def _soft_light(b: Levels, s: Levels) -> Levels:
    d = np.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, np.sqrt(b))
    return np.where(s <= 0.5, b - (1 - 2 * s) * b * (1 - b), b + (2 * s - 1) * (d - b))


def _vivid_light(b: Levels, s: Levels) -> Levels:
    return np.where(b < 0.5, 1 - (1 - s) / (2 * b + 0.001), s / (2 * (1 - b) + 0.001)).clip(0, 1)


def _lum(c: Levels) -> Levels:
    return c @ np.array([[0.3], [0.59], [0.11]])


def _sat(c: Levels) -> Levels:
    return c.max(1, keepdims=True) - c.min(1, keepdims=True)


def _set_lum(c: Levels, lum: Levels) -> Levels:
    c = c + (lum - _lum(c))
    lum, low, high = _lum(c), c.min(1, keepdims=True), c.max(1, keepdims=True)
    c = np.where(low < 0, lum + (c - lum) * lum / np.maximum(lum - low, TINY), c)
    return np.where(high > 1, lum + (c - lum) * (1 - lum) / np.maximum(high - lum, TINY), c)


def _set_sat(c: Levels, sat: Levels) -> Levels:
    return (c - c.min(1, keepdims=True)) * sat / np.maximum(_sat(c), TINY)


JOINT = {
    "hue": lambda b, s: _set_lum(_set_sat(s, _sat(b)), _lum(b)),
    "saturation": lambda b, s: _set_lum(_set_sat(b, _sat(s)), _lum(b)),
    "color": lambda b, s: _set_lum(s, _lum(b)),
    "luminosity": lambda b, s: _set_lum(b, _lum(s)),
}
CSS = {
    "normal": lambda _, s: s,
    "multiply": lambda b, s: b * s,
    "screen": lambda b, s: b + s - b * s,
    "overlay": lambda b, s: _hard_light(s, b),
    "darken": np.minimum,
    "lighten": np.maximum,
    "color-dodge": _color_dodge,
    "color-burn": _color_burn,
    "hard-light": _hard_light,
    "soft-light": _soft_light,
    "difference": lambda b, s: np.abs(b - s),
    "exclusion": lambda b, s: b + s - 2 * b * s,
    **JOINT,
}
MODES = CSS | {
    "add": lambda b, s: np.minimum(b + s, 1),
    "linear-dodge": lambda b, s: np.minimum(b + s, 1),
    "subtract": lambda b, s: np.maximum(b - s, 0),
    "linear-burn": lambda b, s: np.maximum(b + s - 1, 0),
    "linear-light": lambda b, s: (s + 2 * b - 1).clip(0, 1),
    "pin-light": lambda b, s: s.clip(2 * b - 1, 2 * b),
    "vivid-light": _vivid_light,
    "hard-mix": lambda b, s: (b + s > 1 + TINY).astype(float),
}
