"""Mirrors the overlay, and rotates it counter-clockwise on a canvas that grows to contain it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from compositor.geometry import Box, Size, common, grown, size_of, whole
from compositor.layers.alpha import premultiplied, straight

Matrix = tuple[float, float, float, float, float, float]

_MIRRORS = {
    "horizontal": Image.Transpose.FLIP_LEFT_RIGHT,
    "vertical": Image.Transpose.FLIP_TOP_BOTTOM,
    "both": Image.Transpose.ROTATE_180,
}
_QUARTERS: Mapping[float, Image.Transpose] = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}
_SAMPLERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
_BICUBIC_REACH = 3  # pixels that bicubic interpolation may read beyond a point, including one for rounding


def flipped(image: Image.Image, flip: str) -> Image.Image:
    """`image` mirrored: "horizontal" swaps left and right, "vertical" top and bottom."""
    return image.transpose(_MIRRORS[flip]) if flip in _MIRRORS else image


@dataclass(frozen=True)
class Turn:
    """A rotation of a picture of size `before`, degrees counter-clockwise.

    `after` is the size of the canvas that contains the rotated picture; `matrix` maps a point (x, y) of that
    canvas to the point (a x + b y + c, d x + e y + f) of the picture, interpolated by `method`.
    """

    before: Size
    degrees: float
    after: Size
    matrix: Matrix
    method: str = "bicubic"

    @classmethod
    def of(cls, size: Size, degrees: float, method: str = "bicubic") -> "Turn":
        """With exactly the canvas of `Image.rotate(degrees, expand=True)`, which the reference node uses."""
        degrees = degrees % 360 % 360  # twice: a value just below 0 becomes 360.0
        angle = -math.radians(degrees)
        a, b = round(math.cos(angle), 15), round(math.sin(angle), 15)
        d, e = round(-math.sin(angle), 15), round(math.cos(angle), 15)
        width, height = size
        c = a * (-width / 2) + b * (-height / 2) + width / 2
        f = d * (-width / 2) + e * (-height / 2) + height / 2
        after = _canvas(size, degrees, (a, b, c, d, e, f))
        shift_x, shift_y = -(after[0] - width) / 2, -(after[1] - height) / 2
        matrix = (a, b, a * shift_x + b * shift_y + c, d, e, d * shift_x + e * shift_y + f)
        return cls(size, degrees, after, matrix, method)

    def source(self, box: Box) -> Box | None:
        """The box of the picture that `box` of the canvas reads, or None if it lies outside."""
        xs, ys = zip(*_mapped(box, self.matrix), strict=True)
        reach = _BICUBIC_REACH if self.degrees % 90 else 0
        box = (round(min(xs)), round(min(ys)), round(max(xs)), round(max(ys)))
        return common(grown(box, (reach, reach)), whole(self.before))

    def transformed(self, piece: Image.Image, source: Box, box: Box) -> Image.Image:
        """`box` of the canvas, from `piece`, the picture's pixels in `source`; transparent outside it.

        A pixel on the picture's border has the colour of its edge and the alpha of its coverage, which is 0
        or 1 for "nearest".
        """
        if self.degrees == 0:
            return piece
        if self.degrees in _QUARTERS:
            return piece.transpose(_QUARTERS[self.degrees])
        matrix = self._between((source[0] - 1, source[1] - 1, *source[2:]), box)

        def sample(pixels: NDArray[Any], resampling: Image.Resampling) -> Image.Image:
            image = Image.fromarray(np.ascontiguousarray(pixels))
            return image.transform(size_of(box), Image.Transform.AFFINE, matrix, resampling)

        pixels = np.pad(np.asarray(piece), ((1, 1), (1, 1), (0, 0)), mode="edge")
        inside = np.pad(np.full((piece.height, piece.width), 255, np.uint8), 1)
        sampler = _SAMPLERS[self.method]
        covered = sample(inside, _SAMPLERS["nearest" if self.method == "nearest" else "bilinear"])
        if piece.mode == "RGB":
            turned = sample(pixels, sampler)
            turned.putalpha(covered)
            return turned
        levels = premultiplied(pixels)
        bands = [np.asarray(sample(levels[..., band], sampler)) for band in range(4)]
        coverage = np.asarray(covered, np.float32)[..., None] / np.float32(255)
        return straight(np.stack(bands, axis=-1) * coverage)

    def _between(self, source: Box, box: Box) -> Matrix:
        """The matrix from points relative to the corner of `box` to points relative to that of `source`."""
        a, b, c, d, e, f = self.matrix
        x, y = box[:2]
        return (a, b, a * x + b * y + c - source[0], d, e, d * x + e * y + f - source[1])


def _canvas(size: Size, degrees: float, matrix: Matrix) -> Size:
    if degrees % 90 == 0:
        return size if degrees % 180 == 0 else (size[1], size[0])
    xs, ys = zip(*_mapped(whole(size), matrix), strict=True)
    return (math.ceil(max(xs)) - math.floor(min(xs)), math.ceil(max(ys)) - math.floor(min(ys)))


def _mapped(box: Box, matrix: Matrix) -> list[tuple[float, float]]:
    left, top, right, bottom = box
    a, b, c, d, e, f = matrix
    return [(a * x + b * y + c, d * x + e * y + f) for x in (left, right) for y in (top, bottom)]
