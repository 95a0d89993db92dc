"""One job from input files to answer: decode, inspect, compose, flatten, inspect, encode."""

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

Inputs = dict[str, Picture]
"""The decoded inputs, by the parameters that they came as."""


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
    files = {"base_image": base, "overlay_image": overlay} | ({} if mask is None else {"mask": mask})
    seconds: dict[str, float] = {}
    with _timed(seconds, "decode"):
        inputs = _decode_inputs(files, limits, cache, owner, params.keep_icc_profile)
    if inspect:
        with _timed(seconds, "inspect"):
            _inspect_inputs(inspect, inputs)
    with _timed(seconds, "compose"):
        canvas = _compose(inputs, params, limits, in_place=cache is None)
    if inspect:
        with _timed(seconds, "inspect"):
            inspect("output", to_srgb(canvas, inputs["base_image"].profile))
    with _timed(seconds, "encode"):
        data = _encode(canvas, inputs["base_image"], params)
    animated = tuple(name for name, picture in inputs.items() if picture.animated)
    return Superimposed(data, CONTENT_TYPES[params.image_format], *canvas.size, seconds, animated)


def _decode_inputs(
    files: Mapping[str, bytes], limits: Limits, cache: DecodedCache | None, owner: str, keep_profile: bool
) -> Inputs:
    def picture(name: str, data: bytes) -> Picture:
        keep = keep_profile and name == "base_image"

        def decoded() -> Picture:
            return decode(data, name, limits, keep)

        return decoded() if cache is None else cache.get(data, decoded, owner, keep)

    return {name: picture(name, data) for name, data in files.items()}


def _inspect_inputs(inspect: Inspect, inputs: Inputs) -> None:
    for name, picture in inputs.items():
        if name not in picture.inspected_as:
            inspect(name, to_srgb(picture.image, picture.profile))
            picture.inspected_as.add(name)


def _compose(inputs: Inputs, params: SuperimposeParams, limits: Limits, in_place: bool) -> Image.Image:
    """The flattened picture, in the base's colour space; `in_place` changes the decoded base."""
    base, overlay, mask = inputs["base_image"], inputs["overlay_image"], inputs.get("mask")
    canvas = base.image if in_place else base.image.copy()
    mask_image = mask.image if mask else None
    compose(canvas, from_srgb(overlay.image, base.profile), mask_image, params, limits)
    return on_background(canvas, params.background, params.image_format, base.profile)


def _encode(canvas: Image.Image, base: Picture, params: SuperimposeParams) -> bytes:
    marks = Marks(base.credits if params.keep_copyright else b"", base.profile)
    return encode(canvas, params.image_format, params.image_quality, marks)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + perf_counter() - start
