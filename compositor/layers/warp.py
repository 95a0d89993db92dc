"""Warps the overlay onto four corners by a homography."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from compositor.geometry import Box, Size, common, size_of, whole
from compositor.layers.alpha import Floats, premultiplied, straight
from compositor.layers.resize import resize

Point = tuple[float, float]
Doubles = NDArray[np.float64]

CELL_SIDE = 128  # pixels; within a cell the overlay is scaled by about the same factor

_EPSILON = 1e-3  # pixels or square pixels; less is invisible
_OVERSAMPLING = 3  # pixels of the reduced overlay per pixel of the base and axis, as their grids do not align
_MAX_SAMPLES = 16  # per pixel and axis
_MAX_PIXELS = 1 << 21  # of the reduced overlay for one cell; about 50 bytes each
_MIN_SIDE = 32  # pixels of the reduced overlay, so that means include many pixels
_REACH = 3  # pixels that interpolation may read beyond a point, including one for rounding


@dataclass(frozen=True)
class _View:
    """A cell reads the box `source` of the overlay reduced to `size`, at `samples` points per pixel."""

    size: Size
    source: Box | None
    samples: Size


@dataclass(frozen=True, eq=False)
class Warp:
    """A picture of size `before` on a quadrilateral of the base.

    `box` contains the base's pixels that it touches. Cells and `corners` are relative to its top left;
    `matrix` maps points of it to fractions of the picture, and is None if the quadrilateral is not convex or
    too small to be visible.
    """

    before: Size
    box: Box
    corners: Doubles
    matrix: Doubles | None

    @classmethod
    def of(cls, size: Size, quad: Sequence[Point]) -> "Warp":
        """The warp of a picture of `size` onto `quad`, clockwise from the top left, anywhere in the plane."""
        corners = np.array(quad, np.float64)
        left, top = np.floor(corners.min(axis=0) + _EPSILON).astype(int).tolist()
        right, bottom = np.ceil(corners.max(axis=0) - _EPSILON).astype(int).tolist()
        corners -= (left, top)
        return cls(size, (left, top, right, bottom), corners, _homography(corners))

    @property
    def after(self) -> Size:
        return size_of(self.box)

    def detail(self, cell: Box) -> Size:
        """The size to which the picture is reduced for `cell`."""
        view = _view(self, cell)
        return view.size if view else self.before

    def source(self, cell: Box) -> Box | None:
        """The box of the reduced picture that `cell` reads, or None if it lies outside."""
        view = _view(self, cell)
        return view.source if view else None

    def reduced(self, overlay: Image.Image, source: Box, cell: Box) -> Image.Image:
        """The pixels in `source` of `overlay` once it is reduced for `cell`."""
        size = self.detail(cell)
        if overlay.mode == "RGBA" or size == overlay.size:
            return resize(overlay, size, "area", source)
        scale = zip(source, overlay.size * 2, size * 2, strict=True)
        left, top, right, bottom = (edge * own / reduced for edge, own, reduced in scale)
        part = (left, top, right, bottom)
        return overlay.resize(size_of(source), Image.Resampling.BOX, part)  # 20 times as fast as `resize`

    def transformed(self, piece: Image.Image, source: Box, cell: Box) -> Image.Image:
        """`cell`, from `piece`, the reduced picture's pixels in `source`; RGB if it is opaque.

        Each pixel is the mean of the part of the picture that it shows; its alpha includes the coverage.
        """
        view = _view(self, cell)
        if view is None or self.matrix is None:
            return Image.new("RGBA", size_of(cell))
        coefficients = _coefficients(self.matrix, view, source, cell)

        def sample(band: Floats, resampling: Image.Resampling) -> Floats:
            width, height = size_of(cell)
            size = (width * view.samples[0], height * view.samples[1])
            image = Image.fromarray(np.ascontiguousarray(band))
            image = image.transform(size, Image.Transform.PERSPECTIVE, coefficients, resampling)
            return np.asarray(image.reduce(view.samples) if size != (width, height) else image)

        smooth = Image.Resampling.BICUBIC if view.samples == (1, 1) else Image.Resampling.BILINEAR
        levels = premultiplied(np.pad(np.asarray(piece), ((1, 1), (1, 1), (0, 0)), mode="edge"))
        shown = np.stack([sample(levels[..., band], smooth) for band in range(levels.shape[2])], axis=-1)
        coverage = _coverage(self.corners, cell)
        if coverage is None:
            return _rounded(shown)
        inside = sample(np.ones_like(levels[..., 0]), Image.Resampling.NEAREST)  # the share of samples
        image = _rounded(shown / inside.clip(_EPSILON)[..., None])
        alpha = np.asarray(image.convert("RGBA"))[..., 3] * coverage * (inside > 0)
        image.putalpha(Image.fromarray(np.rint(alpha).astype(np.uint8)))
        return image


def _homography(corners: Doubles) -> Doubles | None:
    """Maps points of the base to fractions of the picture (Heckbert 1989, section 2.2), or None.

    The third coordinate is 0 at the horizon and positive within the quadrilateral.
    """
    edges = np.roll(corners, -1, axis=0) - corners
    if _cross(edges, np.roll(edges, -1, axis=0)).min() < _EPSILON:
        return None
    first, second, third, fourth = corners
    one, other, bulge = second - third, fourth - third, first - second + third - fourth
    g, h = np.array([_cross(bulge, other), _cross(one, bulge)]) / _cross(one, other)
    columns = [(*(second - first + g * second), g), (*(fourth - first + h * fourth), h), (*first, 1)]
    return np.linalg.inv(np.array(columns).T)


def _cross(one: Doubles, other: Doubles) -> Doubles:
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]


@lru_cache(maxsize=1)
def _view(warp: Warp, cell: Box) -> _View | None:
    """The view of `cell`, cached because each method of the warp needs it in turn."""
    polygon = _clipped(warp.corners.tolist(), (cell[0] - 1, cell[1] - 1, cell[2] + 1, cell[3] + 1))
    if warp.matrix is None or not polygon:
        return None
    x, y, w = warp.matrix @ np.array([(u, v, 1) for u, v in polygon]).T
    at = (np.stack([x, y]) / w).clip(0, 1)
    slopes = (warp.matrix[:2, :2, None] - at[:, None] * warp.matrix[2, :2, None]) / w
    first, last = at.min(axis=1), at.max(axis=1)
    before = np.array(warp.before)
    factors, samples = _reduction(slopes * before[:, None, None], (last - first) * before)
    size = np.maximum(np.minimum(before, _MIN_SIDE), np.rint(before / factors)).astype(int)
    left, top = (np.floor(first * size) - _REACH).astype(int).tolist()
    right, bottom = (np.ceil(last * size) + _REACH).astype(int).tolist()
    width, height = size.tolist()
    return _View((width, height), common((left, top, right, bottom), whole((width, height))), samples)


def _reduction(slopes: Doubles, pixels: Doubles) -> tuple[Doubles, Size]:
    """The factors by which to reduce the picture, and the samples per pixel, horizontally and vertically.

    `slopes` are (2, 2, points): the derivatives of the picture's x and y by the base's u and v, in pixels.
    `pixels` are width and height of the picture between these points.
    """
    area = abs(slopes[0, 0] * slopes[1, 1] - slopes[0, 1] * slopes[1, 0])
    narrowest = (area / np.hypot(slopes[::-1, 0], slopes[::-1, 1])).min(axis=1)
    factors = np.maximum(1, narrowest // _OVERSAMPLING)
    steps = np.hypot(*(slopes / factors[:, None, None]))
    extra = max(
        1.0,
        steps.max(axis=0).min() / _MAX_SAMPLES,
        np.sqrt(np.prod(pixels / factors) / _MAX_PIXELS),
    )
    across, down = np.ceil(steps.max(axis=1) / extra - 0.25).clip(1, _MAX_SAMPLES).astype(int).tolist()
    return factors * extra, (across, down)


def _clipped(polygon: list[list[float]], box: Box) -> list[list[float]]:
    """The intersection of a convex `polygon` and `box` (Sutherland and Hodgman 1974)."""
    for side, limit in enumerate(box):
        axis, sign = side % 2, 1 if side < 2 else -1
        kept = []
        for one, other in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            here, there = sign * (one[axis] - limit), sign * (other[axis] - limit)
            if here >= 0:
                kept.append(one)
            if here * there < 0:
                part = here / (here - there)
                kept.append([a + (b - a) * part for a, b in zip(one, other, strict=True)])
        polygon = kept
    return polygon


def _coefficients(matrix: Doubles, view: _View, source: Box, cell: Box) -> list[float]:
    """Pillow's perspective coefficients, from samples of `cell` to `source` padded by one pixel."""
    (across, down), (width, height) = view.samples, view.size
    to_base = np.array([[1 / across, 0, cell[0]], [0, 1 / down, cell[1]], [0, 0, 1]])
    to_source = np.array([[width, 0, 1 - source[0]], [0, height, 1 - source[1]], [0, 0, 1]])
    matrix = to_source @ matrix @ to_base
    coefficients: list[float] = (matrix / (matrix[2, 2] or _EPSILON)).ravel()[:8].tolist()
    return coefficients


def _rounded(levels: Floats) -> Image.Image:
    """`straight`, but rounded without alpha, too."""
    return straight(levels if levels.shape[2] == 4 else (levels + np.float32(0.5)).clip(0, 255))


def _coverage(corners: Doubles, cell: Box) -> Doubles | None:
    """The share of each pixel of `cell` inside the quadrilateral, or None if all are inside."""
    u = np.arange(cell[0], cell[2]) + 0.5
    v = np.arange(cell[1], cell[3])[:, None] + 0.5
    top, right, bottom, left = (
        _inner(u - start[0], v - start[1], stop - start)
        for start, stop in zip(corners, np.roll(corners, -1, axis=0), strict=True)
    )
    coverage: Doubles = (top + bottom - 1).clip(0) * (left + right - 1).clip(0)
    return coverage if coverage.shape else None


def _inner(u: Doubles, v: Doubles, edge: Doubles) -> Doubles:
    """The area of each pixel right of `edge`; (`u`, `v`) are the pixels' centres relative to its start.

    Exact: the second integral of a pixel's extent across the edge. A scalar 1 if all are inside.
    """
    dx, dy = edge / np.hypot(*edge)
    depth = v * dx - u * dy
    dx, dy = np.maximum(abs(np.array([dx, dy])), _EPSILON)
    outer, inner = (dx + dy) / 2, abs(dx - dy) / 2
    if depth.min() >= outer:
        return np.ones(())
    depth = depth.clip(-1, 1)
    ramps = [np.square((depth + at).clip(0)) for at in (outer, inner, -inner, -outer)]
    area: Doubles = (ramps[0] - ramps[1] - ramps[2] + ramps[3]) / (2 * dx * dy)
    return area
