"""Resizes the overlay by three methods of torch's `interpolate` and by Pillow's default.

Each method can compute any box of the resized picture alone, so that invisible pixels cost nothing.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from compositor.geometry import Box, Size, size_of
from compositor.layers.alpha import Floats, premultiplied, straight

_CUBIC_SUPPORT = 2  # larger pixels, of source or result, to each side
_BAND_PIXELS = 1 << 20  # of the source, processed at once; 16 bytes each

Indices = NDArray[np.intp]


def resize(image: Image.Image, size: Size, method: str, box: Box) -> Image.Image:
    """The pixels of `box` of RGB or RGBA `image` resized to `size`."""
    if size == image.size:
        return image.crop(box)
    methods = {"nearest-exact": _nearest, "bilinear": _bilinear, "area": _area, "bicubic": _bicubic}
    return methods[method](image, size, box)


def _nearest(image: Image.Image, size: Size, box: Box) -> Image.Image:
    columns = _centres(image.width, size[0], box[0], box[2])
    rows = _centres(image.height, size[1], box[1], box[3])
    pixels, left, top = _needed(image, columns, rows)
    return Image.fromarray(pixels.take(rows - top, axis=0).take(columns - left, axis=1))


def _centres(length: int, new_length: int, start: int, stop: int) -> Indices:
    """The pixel under the centre of each new pixel; in float32, to round ties as torch does."""
    scale = np.float32(length) / np.float32(new_length)
    centres: Floats = np.floor((np.arange(start, stop, dtype=np.float32) + np.float32(0.5)) * scale)
    return np.minimum(centres, length - 1).astype(np.intp)


def _needed(image: Image.Image, columns: Indices, rows: Indices) -> tuple[NDArray[np.uint8], int, int]:
    """At least the pixels of `image` from the first to the last of `columns` and `rows`, and their offset."""
    left, top, right, bottom = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    if 2 * (right - left) * (bottom - top) > image.width * image.height:
        return np.asarray(image), 0, 0
    return np.asarray(image.crop((left, top, right, bottom))), left, top


def _bilinear(image: Image.Image, size: Size, box: Box) -> Image.Image:
    """Interpolates the four nearest pixels, as torch does with `antialias=False`."""
    columns, next_columns, right = _neighbours(image.width, size[0], box[0], box[2])
    rows, next_rows, down = _neighbours(image.height, size[1], box[1], box[3])
    pixels, left, top = _needed(image, np.append(columns, next_columns[-1]), np.append(rows, next_rows[-1]))

    def lines(indices: Indices) -> Floats:
        selected = pixels.take(indices - top, axis=0)
        one, other = (premultiplied(selected.take(each - left, axis=1)) for each in (columns, next_columns))
        return one + (other - one) * right[:, None]

    upper, lower = lines(rows), lines(next_rows)
    return straight(upper + (lower - upper) * down[:, None, None])


def _neighbours(length: int, new_length: int, start: int, stop: int) -> tuple[Indices, Indices, Floats]:
    """The pixels before and after the centre of each new pixel, and its position between them, 0 to 1."""
    scale = np.float32(length) / np.float32(new_length)
    centres = (np.arange(start, stop, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    before = np.clip(centres, 0, length - 1).astype(np.intp)
    return before, np.minimum(before + 1, length - 1), np.clip(centres - before, 0, 1).astype(np.float32)


def _area(image: Image.Image, size: Size, box: Box) -> Image.Image:
    """The mean over the window of each new pixel: torch's adaptive average pool, in integers."""
    left, right = _windows(image.width, size[0], box[0], box[2])
    top, bottom = _windows(image.height, size[1], box[1], box[3])
    row_pixels = (right[-1] - left[0]) * (image.height // size[1] + 1)
    step = max(1, int(_BAND_PIXELS // row_pixels))
    bands = [
        _area_band(image, left, right, top[at : at + step], bottom[at : at + step])
        for at in range(0, len(top), step)
    ]
    return Image.fromarray(np.concatenate(bands))


def _area_band(
    image: Image.Image, left: Indices, right: Indices, top: Indices, bottom: Indices
) -> NDArray[np.uint8]:
    with_next = (int(left[0]), int(top[0]), int(right[-1]) + 1, int(bottom[-1]) + 1)  # see _sums
    pixels = np.asarray(image.crop(with_next)).astype(np.uint32)
    if image.mode == "RGBA":
        pixels[..., :3] *= pixels[..., 3:]
    sums = _sums(pixels, top - top[0], bottom - top[0], axis=0)
    sums = _sums(sums, left - left[0], right - left[0], axis=1)
    count = ((bottom - top)[:, None] * (right - left))[..., None]
    return _means(sums, count).astype(np.uint8)


def _windows(length: int, new_length: int, start: int, stop: int) -> tuple[Indices, Indices]:
    """Start and end (exclusive) of the window of each new pixel from `start` to `stop`."""
    new = np.arange(start, stop)
    return new * length // new_length, -(-(new + 1) * length // new_length)


def _sums(pixels: NDArray[Any], start: Indices, end: Indices, axis: int) -> NDArray[np.uint64]:
    """Sums over the windows along `axis`, which must extend one pixel beyond the last window.

    Windows overlap if the picture grows, so `reduceat` gets the start and end of each one, and every second
    sum, that between two windows, is dropped.
    """
    cuts = np.stack([start, end], axis=-1).ravel()
    sums: NDArray[np.uint64] = np.add.reduceat(pixels, cuts, axis=axis, dtype=np.uint64)
    return sums[::2] if axis == 0 else sums[:, ::2]


def _means(sums: NDArray[np.uint64], count: Indices) -> NDArray[np.uint64]:
    """The means, truncated as in the reference node; with alpha, weighted by it and rounded."""
    counts = count.astype(np.uint64)
    if sums.shape[-1] == 3:
        return sums // counts
    alpha = sums[..., 3:]
    colour = (sums[..., :3] + alpha // 2) // np.maximum(alpha, 1)
    return np.concatenate([colour, (alpha + counts // 2) // counts], axis=-1)


def _bicubic(image: Image.Image, size: Size, box: Box) -> Image.Image:
    """By Pillow's cubic filter, antialiased if the picture shrinks; horizontally first, as in Pillow."""
    left, right, (x, end_x) = _reached(image.width, size[0], box[0], box[2])
    top, bottom, (y, end_y) = _reached(image.height, size[1], box[1], box[3])
    part = image.crop((left, top, right, bottom))
    width, height = size_of(box)
    if image.mode == "RGB":
        return part.resize((width, height), Image.Resampling.BICUBIC, (x, y, end_x, end_y))
    step = max(1, _BAND_PIXELS // part.width)
    narrow = []
    for at in range(0, part.height, step):
        rows = np.asarray(part.crop((0, at, part.width, min(at + step, part.height))))
        levels = premultiplied(rows)
        narrow.append(_cubic(levels, (width, len(rows)), (x, 0, end_x, len(rows))))
    return straight(_cubic(np.concatenate(narrow), (width, height), (0, y, width, end_y)))


def _reached(length: int, new_length: int, start: int, stop: int) -> tuple[int, int, tuple[float, float]]:
    """The source pixels for the new ones from `start` to `stop`: first, end (exclusive), and the exact part.

    The part is relative to the first pixel.
    """
    scale = length / new_length
    reach = math.ceil(_CUBIC_SUPPORT * max(1, scale)) + 1
    first = max(0, math.floor(start * scale) - reach)
    return first, min(length, math.ceil(stop * scale) + reach), (start * scale - first, stop * scale - first)


def _cubic(levels: Floats, size: Size, part: tuple[float, float, float, float]) -> Floats:
    bands = (
        Image.fromarray(np.ascontiguousarray(levels[..., band])).resize(size, Image.Resampling.BICUBIC, part)
        for band in range(levels.shape[-1])
    )
    return np.stack([np.asarray(band) for band in bands], axis=-1)
