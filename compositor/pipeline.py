"""The whole job: decode, compose, flatten, encode."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from compositor.background import on_background
from compositor.cache import DecodedCache
from compositor.colour import from_srgb
from compositor.compose import compose
from compositor.decode import Picture, decode
from compositor.encode import CONTENT_TYPES, Marks, encode
from compositor.limits import DEFAULT_LIMITS, Limits
from compositor.params import SuperimposeParams


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
        under = _decoded(base, "base_image", limits, cache, params.keep_icc_profile)
        over = _decoded(overlay, "overlay_image", limits, cache)
        cover = None if mask is None else _decoded(mask, "mask", limits, cache)
    with _timed(seconds, "compose"):
        canvas = under.image if cache is None else under.image.copy()
        compose(canvas, from_srgb(over.image, under.profile), cover.image if cover else None, params, limits)
        canvas = on_background(canvas, params.background, params.image_format)
    with _timed(seconds, "encode"):
        marks = Marks(under.credits if params.keep_copyright else b"", under.profile)
        out = encode(canvas, params.image_format, params.image_quality, marks)
    inputs = {"base_image": under, "overlay_image": over, "mask": cover}
    animated = tuple(name for name, picture in inputs.items() if picture and picture.animated)
    return Superimposed(out, CONTENT_TYPES[params.image_format], *canvas.size, seconds, animated)


def _decoded(
    data: bytes, name: str, limits: Limits, cache: DecodedCache | None, keep_profile: bool = False
) -> Picture:
    def decoded() -> Picture:
        return decode(data, name, limits, keep_profile)

    return decoded() if cache is None else cache.get(data, decoded, keep_profile)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = perf_counter()
    yield
    seconds[stage] = perf_counter() - start
