"""Bytes of strangers to pixels, within limits."""

import io
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from PIL import Image, ImageOps

from compositor.colour import to_srgb
from compositor.errors import CompositorError, ImageTooLarge, InvalidImage
from compositor.limits import Limits


@dataclass(frozen=True)
class Picture:
    """A decoded input: `image` is upright 8-bit sRGB, mode RGB or RGBA. Shared by jobs, so never changed."""

    image: Image.Image
    animated: bool

    @property
    def nbytes(self) -> int:
        """Memory held: Pillow keeps four bytes for a pixel of either mode."""
        return 4 * self.image.width * self.image.height


def decode(data: bytes, name: str, limits: Limits) -> Picture:
    """Decode the file `data` that came as parameter `name`.

    Raises `InvalidImage` or `ImageTooLarge`. Lets `MemoryError` pass, and whatever no decoder raises, such as
    a job's timeout sent into this thread.
    """
    _check_bytes(data, name, limits)
    image = _decoder(name, limits, lambda: _open(data, limits))
    _check_size(image.size, name, limits)
    animated = image.format != "MPO" and bool(getattr(image, "is_animated", False))
    return Picture(_decoder(name, limits, lambda: to_srgb(_upright(image))), animated)


def _check_bytes(data: bytes, name: str, limits: Limits) -> None:
    if not data:
        raise InvalidImage(name, "the file is empty; send an image file")
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(
            name,
            f"{len(data):,} bytes, at most {limits.max_bytes:,}; send a smaller or more compressed file",
        )


def _check_size(size: tuple[int, int], name: str, limits: Limits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise ImageTooLarge(
            name,
            f"{width} x {height} = {width * height / 1e6:.4g} MP, at most {limits.max_pixels / 1e6:.4g} MP;"
            " send a smaller picture",
        )
    if max(size) > limits.max_side:
        raise ImageTooLarge(
            name, f"{width} x {height}, at most {limits.max_side} pixels on a side; send a smaller picture"
        )


def _open(data: bytes, limits: Limits) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(data), formats=limits.formats)


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    with suppress(Exception):
        return ImageOps.exif_transpose(image)
    return image


def _decoder(name: str, limits: Limits, work: Callable[[], Image.Image]) -> Image.Image:
    try:
        return work()
    except (CompositorError, MemoryError):
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("builtins", "PIL", "struct"):
            raise
        raise InvalidImage(
            name,
            f"not a whole image file that can be read; allowed are {', '.join(limits.formats)}:"
            " check that it opens elsewhere, then send it again",
        ) from error
