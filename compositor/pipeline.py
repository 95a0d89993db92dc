"""The whole job, as a list of named steps."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from PIL import Image

from compositor.box import cells, common, shifted, whole
from compositor.cache import DecodedCache
from compositor.decode import Picture, decode
from compositor.encode import CONTENT_TYPES, encode
from compositor.limits import DEFAULT_LIMITS, Limits
from compositor.mask import coverage, masked
from compositor.opacity import faded
from compositor.over import put_over
from compositor.params import SuperimposeParams
from compositor.resize import resize
from compositor.rotate import Turn
from compositor.size import overlay_size

_CELL_SIDE = 1024  # pixels; bounds what the floats of one step can take


@dataclass(frozen=True)
class Superimposed:
    """The answer: an image file, its type and size in pixels.

    `seconds` holds the wall time of the stages "decode", "compose" and "encode"; `animated` names the inputs
    of which only the first frame was used.
    """

    data: bytes
    content_type: str
    width: int
    height: int
    seconds: Mapping[str, float]
    animated: tuple[str, ...]


def superimpose(
    base: bytes,
    overlay: bytes,
    params: SuperimposeParams,
    mask: bytes | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
    cache: DecodedCache | None = None,
) -> Superimposed:
    """Overlay one image file on another.

    Raises `InvalidImage` or `ImageTooLarge`, naming the input at fault.
    """
    seconds: dict[str, float] = {}
    with _timed(seconds, "decode"):
        files = {"base_image": base, "overlay_image": overlay, "mask": mask}
        pictures = {
            name: _decoded(data, name, limits, cache) for name, data in files.items() if data is not None
        }
    with _timed(seconds, "compose"):
        canvas = compose(
            pictures["base_image"].image,
            pictures["overlay_image"].image,
            pictures["mask"].image if "mask" in pictures else None,
            params,
        )
    with _timed(seconds, "encode"):
        out = encode(canvas, params.image_format, params.image_quality)
    animated = tuple(name for name, picture in pictures.items() if picture.animated)
    return Superimposed(out, CONTENT_TYPES[params.image_format], *canvas.size, seconds, animated)


def compose(
    base: Image.Image, overlay: Image.Image, mask: Image.Image | None, params: SuperimposeParams
) -> Image.Image:
    """A copy of `base` with `overlay` on it. Images are RGB or RGBA."""
    canvas = base.copy()
    size = overlay_size(params, overlay.size, base.size)
    turn = Turn.of(size, params.rotation)
    corner = (params.x_offset, params.y_offset)
    cover = coverage(mask) if mask else None
    seen = shifted(whole(base.size), (-corner[0], -corner[1]))
    for cell in cells(turn.after, _CELL_SIDE, seen):
        source, shown = turn.source(cell), common(cell, seen)
        if source is None or shown is None:
            continue
        piece = resize(overlay, size, params.resize_method, source)
        piece = masked(piece, cover, size, source)
        piece = turn.turned(piece, source, cell)
        piece = faded(piece, params.opacity)
        put_over(canvas, piece.crop(shifted(shown, (-cell[0], -cell[1]))), shifted(shown, corner))
    return canvas


def _decoded(data: bytes, name: str, limits: Limits, cache: DecodedCache | None) -> Picture:
    if cache is None:
        return decode(data, name, limits)
    return cache.get(data, lambda: decode(data, name, limits))


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = perf_counter()
    yield
    seconds[stage] = perf_counter() - start
