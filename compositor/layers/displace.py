"""Pixels moved by a displacement map, as the folds of a cloth move a print."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from compositor.geometry import Box, Size, common, grown, size_of, whole
from compositor.layers.alpha import Floats, premultiplied, straight

Taps = list[tuple[NDArray[np.intp], Floats]]

_NEUTRAL = 128
_MAX_DETAIL = 4  # pixels of the map per pixel of the area and axis; finer maps are reduced first
_MAX_SAMPLES = 4  # per pixel and axis, where the picture is compressed
_PREVIEW_SIDE = 256  # pixels of the reduced map whose slopes are measured
_REACH = 3  # pixels that interpolation may read beyond a point, including one for rounding


@dataclass(frozen=True, eq=False)
class Displacement:
    """An RGB or RGBA map, stretched over an area of `size`: red moves pixels by `x`, green by `y`.

    At level 0 they move right and down, at 255 left and up, at 128 or where the map is transparent not at
    all. Cells are relative to the area's top left; beyond the area the edge of the map is extended.
    """

    map: Image.Image
    size: Size
    x: float
    y: float
    samples: Size  # per pixel, horizontally and vertically: more if the map compresses the picture

    @classmethod
    def of(cls, image: Image.Image, size: Size, x: float, y: float) -> "Displacement":
        """The displacement by `image`, over an area of `size`, by up to (`x`, `y`) pixels."""
        factors = [max(1, own // (side * _MAX_DETAIL)) for own, side in zip(image.size, size, strict=True)]
        if factors != [1, 1]:
            image = image.reduce((factors[0], factors[1]))
        return cls(image, size, x, y, _samples(image, size, x, y))

    def source(self, cell: Box) -> Box:
        """The box that `cell` reads; may extend beyond the area and the picture."""
        offsets = _offsets(self, cell)
        max_x, max_y = offsets.max(axis=(1, 2)).tolist()
        min_x, min_y = offsets.min(axis=(1, 2)).tolist()
        left, top, right, bottom = cell
        box = (int(left - max_x), int(top - max_y), int(right - min_x), int(bottom - min_y))
        return grown(box, (_REACH, _REACH))

    def displaced(self, piece: Image.Image, source: Box, cell: Box) -> Image.Image:
        """`cell` as RGBA, from `piece`, the picture's pixels in `source`; transparent beyond it."""
        (move_x, move_y), (across, down) = _offsets(self, cell), self.samples
        levels = np.ascontiguousarray(premultiplied(np.asarray(piece.convert("RGBA"))).transpose(2, 0, 1))
        total: Floats = np.zeros((4, cell[3] - cell[1], cell[2] - cell[0]), np.float32)
        for i, j in product(range(across), range(down)):
            u = np.arange(cell[0] - source[0], cell[2] - source[0]) + (i + 0.5) / across
            v = np.arange(cell[1] - source[1], cell[3] - source[1])[:, None] + (j + 0.5) / down
            columns = _taps(u - move_x[j::down, i::across], piece.width, across * down == 1)
            rows = _taps(v - move_y[j::down, i::across], piece.height, across * down == 1)
            total += _sampled(levels, columns, rows)
        return straight(np.ascontiguousarray((total / (across * down)).transpose(1, 2, 0)))


def _samples(image: Image.Image, size: Size, x: float, y: float) -> Size:
    """The samples per pixel, horizontally and vertically, so that nearly all are about a pixel apart.

    The same for the whole area, because differences between cells would be visible.
    """
    preview_size = (min(size[0], _PREVIEW_SIDE), min(size[1], _PREVIEW_SIDE))
    preview = image.resize(preview_size, Image.Resampling.BILINEAR)
    moves = _moves(preview, 0, x), _moves(preview, 1, y)

    def samples(axis: int) -> int:
        gap = size[axis] / preview.size[axis]
        along, aside = (
            np.diff(move, axis=1 - axis, append=move[:, -1:] if axis == 0 else move[-1:]) / gap
            for move in (moves[axis], moves[1 - axis])
        )
        step = np.percentile(np.hypot(1 - along, aside), 98)
        return min(_MAX_SAMPLES, max(1, int(np.ceil(step - 0.25))))

    return samples(0), samples(1)


@lru_cache(maxsize=1)
def _offsets(displacement: Displacement, cell: Box) -> Floats:
    """(2, height, width): how far each sample of `cell` moves."""
    samples = displacement.samples
    (width, height), image = displacement.size, displacement.map
    left, top = min(max(cell[0], 0), width - 1), min(max(cell[1], 0), height - 1)
    inside = (left, top, max(left + 1, min(cell[2], width)), max(top + 1, min(cell[3], height)))
    part = [
        edge * own / side for edge, own, side in zip(inside, image.size * 2, (width, height) * 2, strict=True)
    ]
    reach = (image.width // width + 2, image.height // height + 2)  # of the filter
    around = [
        int(edge) + (reach[side % 2] if side > 1 else -reach[side % 2]) for side, edge in enumerate(part)
    ]
    crop = common((around[0], around[1], around[2], around[3]), whole(image.size)) or whole(image.size)
    levels = image.crop(crop)
    box = (part[0] - crop[0], part[1] - crop[1], part[2] - crop[0], part[3] - crop[1])
    size = (samples[0] * size_of(inside)[0], samples[1] * size_of(inside)[1])
    columns, rows = (
        np.arange(start * count, stop * count).clip(near * count, far * count - 1) - near * count
        for start, stop, near, far, count in zip(
            cell[:2], cell[2:], inside[:2], inside[2:], samples, strict=True
        )
    )
    offsets = [
        np.asarray(Image.fromarray(move).resize(size, Image.Resampling.BILINEAR, box))[rows[:, None], columns]
        for move in (_moves(levels, 0, displacement.x), _moves(levels, 1, displacement.y))
    ]
    return np.stack(offsets)


def _moves(levels: Image.Image, band: int, limit: float) -> Floats:
    """(height, width): how many pixels each level of a band moves, up to `limit`."""
    above = np.asarray(levels.getchannel(band)).astype(np.float32) - np.float32(_NEUTRAL)
    if levels.mode == "RGBA":
        above *= np.asarray(levels.getchannel("A")) * np.float32(1 / 255)
    moves: Floats = above * np.where(
        above < 0, np.float32(-limit / _NEUTRAL), np.float32(-limit / (255 - _NEUTRAL))
    )
    return moves


def _sampled(levels: Floats, columns: Taps, rows: Taps) -> Floats:
    """(bands, height, width): the weighted sums of the pixels of `levels`."""
    bands, _, width = levels.shape
    pixels = levels.reshape(bands, -1)
    total: Floats = np.zeros((bands, *columns[0][0].shape), np.float32)
    for row, row_weight in rows:
        start = row * width
        for column, column_weight in columns:
            total += pixels.take(start + column, axis=1) * (row_weight * column_weight)
    return total


def _taps(at: NDArray[np.float64], length: int, smooth: bool) -> Taps:
    """The pixels of a line from which the points `at` are interpolated, and their weights.

    Linear or, with `smooth`, Keys' cubic with a = -1/2. The centre of the first pixel is at 0.5.
    """
    from_centre = (at - 0.5).clip(-1, length)
    before = np.floor(from_centre)
    t = (from_centre - before).astype(np.float32)
    u = 1 - t
    weights: list[Floats] = [u, t]
    if smooth:
        weights = [
            -t * u * u / 2,
            u * (1 + u * (4 - 3 * u)) / 2,
            t * (1 + t * (4 - 3 * t)) / 2,
            -u * t * t / 2,
        ]
    first = before.astype(np.intp) - (1 if smooth else 0)
    return [((first + step).clip(0, length - 1), weight) for step, weight in enumerate(weights)]
