"""The whole job: decode, inspect, compose, flatten, inspect, encode."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from PIL import Image

from compositor.background import on_background
from compositor.compose import compose
from compositor.decoding.cache import DecodedCache
from compositor.decoding.colour import from_srgb, to_srgb
from compositor.decoding.decode import Picture, decode
from compositor.encode import CONTENT_TYPES, Marks, encode
from compositor.limits import DEFAULT_LIMITS, Limits
from compositor.params import SuperimposeParams

Inspect = Callable[[str, Image.Image], None]
"""Given a name and its picture, RGB or RGBA in sRGB; raises to stop the job, must not change the picture."""


@dataclass(frozen=True)
class Superimposed:
    """The answer: an image file, its type and size in pixels.

    `seconds` holds the wall time of the stages "decode", "compose" and "encode", and of "inspect" where there
    is one; `animated` names the inputs of which only the first frame was used.
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
    owner: str = "",
    inspect: Inspect | None = None,
) -> Superimposed:
    """Overlay one image file on another. In the `cache` only what the same `owner` sent is found.

    `inspect` is shown each input when all are decoded, as "base_image", "overlay_image" and "mask", and as
    "output" what is about to be encoded. An input that passed is not shown again under the same name while
    it is in the `cache`, which therefore goes with one `inspect`.

    Raises `InvalidImage` or `ImageTooLarge`, naming the input at fault, and whatever `inspect` raises.
    """
    seconds: dict[str, float] = {}
    with _timed(seconds, "decode"):
        under = _decoded(base, "base_image", limits, cache, owner, params.keep_icc_profile)
        over = _decoded(overlay, "overlay_image", limits, cache, owner)
        cover = None if mask is None else _decoded(mask, "mask", limits, cache, owner)
    inputs = {"base_image": under, "overlay_image": over, "mask": cover}
    if inspect:
        with _timed(seconds, "inspect"):
            _inspect_inputs(inspect, inputs)
    with _timed(seconds, "compose"):
        canvas = under.image if cache is None else under.image.copy()
        compose(canvas, from_srgb(over.image, under.profile), cover.image if cover else None, params, limits)
        canvas = on_background(canvas, params.background, params.image_format, under.profile)
    if inspect:
        with _timed(seconds, "inspect"):
            inspect("output", to_srgb(canvas, under.profile))
    with _timed(seconds, "encode"):
        marks = Marks(under.credits if params.keep_copyright else b"", under.profile)
        out = encode(canvas, params.image_format, params.image_quality, marks)
    animated = tuple(name for name, picture in inputs.items() if picture and picture.animated)
    return Superimposed(out, CONTENT_TYPES[params.image_format], *canvas.size, seconds, animated)


def _decoded(
    data: bytes,
    name: str,
    limits: Limits,
    cache: DecodedCache | None,
    owner: str,
    keep_profile: bool = False,
) -> Picture:
    def decoded() -> Picture:
        return decode(data, name, limits, keep_profile)

    return decoded() if cache is None else cache.get(data, decoded, owner, keep_profile)


def _inspect_inputs(inspect: Inspect, inputs: Mapping[str, Picture | None]) -> None:
    for name, picture in inputs.items():
        if picture and name not in picture.inspected_as:
            inspect(name, to_srgb(picture.image, picture.profile))
            picture.inspected_as.add(name)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + perf_counter() - start
