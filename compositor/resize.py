"""The overlay at its new size, by the three methods of the reference: torch's `interpolate`.

Each method computes any box of the resized picture alone, so that nobody pays for pixels that are never seen.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from compositor.box import Box, Size, size_of, whole
from compositor.premultiplied import by_band, premultiply, unpremultiply


def resize(image: Image.Image, size: Size, method: str, box: Box) -> Image.Image:
    """The pixels of `box` of RGB or RGBA `image` resized to `size`."""
    if size == image.size:
        return image.crop(box)
    return {"nearest-exact": _nearest, "bilinear": _bilinear, "area": _area}[method](image, size, box)


def _nearest(image: Image.Image, size: Size, box: Box) -> Image.Image:
    columns = _centres(image.width, size[0], box[0], box[2])
    rows = _centres(image.height, size[1], box[1], box[3])
    needed = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    pixels = np.asarray(image if needed == whole(image.size) else image.crop(needed))
    return Image.fromarray(pixels.take(rows - rows[0], axis=0).take(columns - columns[0], axis=1))


def _centres(length: int, new_length: int, start: int, stop: int) -> NDArray[np.intp]:
    """Which pixel lies under the centre of each new pixel; float32, as torch rounds at ties."""
    scale = np.float32(length) / np.float32(new_length)
    centres: NDArray[np.float32] = np.floor(
        (np.arange(start, stop, dtype=np.float32) + np.float32(0.5)) * scale
    )
    return np.minimum(centres, length - 1).astype(np.intp)


def _bilinear(image: Image.Image, size: Size, box: Box) -> Image.Image:
    """Without antialiasing, as torch does it with `antialias=False`; Pillow's `resize` would antialias."""
    x_scale, y_scale = image.width / size[0], image.height / size[1]
    matrix = (x_scale, 0, box[0] * x_scale, 0, y_scale, box[1] * y_scale)

    def sample(band: Image.Image) -> Image.Image:
        return band.transform(size_of(box), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)

    if image.mode == "RGB":
        return sample(image)
    return unpremultiply(by_band(premultiply(image), sample))


def _area(image: Image.Image, size: Size, box: Box) -> Image.Image:
    """The mean over the window of each new pixel: torch's adaptive average pool, in whole numbers."""
    left, right = _windows(image.width, size[0], box[0], box[2])
    top, bottom = _windows(image.height, size[1], box[1], box[3])
    one_more = image.crop((int(left[0]), int(top[0]), int(right[-1]) + 1, int(bottom[-1]) + 1))  # see _sums
    pixels = np.asarray(one_more).astype(np.uint32)
    if image.mode == "RGBA":
        pixels[..., :3] *= pixels[..., 3:]
    sums = _sums(pixels, top - top[0], bottom - top[0], axis=0)
    sums = _sums(sums, left - left[0], right - left[0], axis=1)
    count = ((bottom - top)[:, None] * (right - left))[..., None]
    return Image.fromarray(_means(sums, count).astype(np.uint8))


def _windows(
    length: int, new_length: int, start: int, stop: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First pixel, and first pixel beyond, of the window of each new pixel from `start` to `stop`."""
    new = np.arange(start, stop)
    return new * length // new_length, -(-(new + 1) * length // new_length)


def _sums(
    pixels: NDArray[Any], first: NDArray[np.intp], beyond: NDArray[np.intp], axis: int
) -> NDArray[np.uint64]:
    """Sums over the windows along `axis`, which must go on for one pixel after the last window.

    Windows overlap where the picture grows, so each is cut out alone: every second sum is between two.
    """
    cuts = np.stack([first, beyond], axis=-1).ravel()
    sums: NDArray[np.uint64] = np.add.reduceat(pixels, cuts, axis=axis, dtype=np.uint64)
    return sums[::2] if axis == 0 else sums[:, ::2]


def _means(sums: NDArray[np.uint64], count: NDArray[np.intp]) -> NDArray[np.uint64]:
    """Means truncated as the reference truncates them; with alpha, colour weighted by it and rounded."""
    counts = count.astype(np.uint64)
    if sums.shape[-1] == 3:
        return sums // counts
    alpha = sums[..., 3:]
    colour = (sums[..., :3] + alpha // 2) // np.maximum(alpha, 1)
    return np.concatenate([colour, (alpha + counts // 2) // counts], axis=-1)
