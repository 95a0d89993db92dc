"""A scene from input files to answer: decode, inspect, compose, flatten, inspect, encode."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from PIL import Image

from compositor.background import on_background
from compositor.compose import put_layer
from compositor.decoding.cache import DecodedCache
from compositor.decoding.colour import from_srgb, to_srgb
from compositor.decoding.decode import Picture, decode
from compositor.decoding.identify import check_total, declared_pixels
from compositor.encode import CONTENT_TYPES, Marks, encode
from compositor.errors import InvalidParameters
from compositor.jpeg_coding import JpegCoding
from compositor.layers.prepared import Pictures
from compositor.layers.removal import Remove, cut_out
from compositor.limits import DEFAULT_LIMITS, FULL_SIZED, Limits
from compositor.scene import Layer, Scene

Inspect = Callable[[str, Image.Image], None]
"""Given a name and its picture, RGB or RGBA in sRGB; raises to stop the job, must not change the picture."""

Inputs = dict[str, Picture]
"""The decoded inputs by their names."""


@dataclass(frozen=True)
class Rendered:
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


def render(
    scene: Scene,
    files: Mapping[str, bytes],
    *,
    limits: Limits = DEFAULT_LIMITS,
    cache: DecodedCache | None = None,
    owner: str = "",
    inspect: Inspect | None = None,
    remove: Remove | None = None,
) -> Rendered:
    """Make a picture of image files, by the names that the scene has for them.

    In the `cache` only what the same `owner` sent is found. `inspect` is shown each input by its name when
    all are decoded, and as "output" what is about to be encoded. An input that passed is not shown again
    under the same name while it is in the `cache`, which therefore goes with one `inspect`. `remove` takes
    the backgrounds of layers away that name a `removal`; without it they stay.

    Raises a `CompositorError` that names the input at fault, and what the hooks raise.
    """
    answer = scene.answer
    seconds: dict[str, float] = {}
    with _timed(seconds, "decode"):
        inputs = _decode_inputs(scene, files, limits, cache, owner)
    base = inputs[scene.base]
    quality = _coding(base, scene) if answer.quality is None else answer.quality
    if inspect:
        with _timed(seconds, "inspect"):
            _inspect_inputs(inspect, inputs)
    with _timed(seconds, "compose"):
        canvas = base.image if cache is None and _is_used_once(base, inputs) else base.image.copy()
        for layer in scene.layers:
            _put(canvas, layer, inputs, base.profile, limits, remove)
        canvas = on_background(canvas, answer.background, answer.image_format, base.profile)
    if inspect:
        with _timed(seconds, "inspect"):
            inspect("output", to_srgb(canvas, base.profile))
    with _timed(seconds, "encode"):
        marks = Marks(base.credits if answer.keeps_copyright else b"", base.profile)
        data = encode(canvas, answer.image_format, quality, marks)
    animated = tuple(name for name, picture in inputs.items() if picture.animated)
    return Rendered(data, CONTENT_TYPES[answer.image_format], *canvas.size, seconds, animated)


def _decode_inputs(
    scene: Scene, files: Mapping[str, bytes], limits: Limits, cache: DecodedCache | None, owner: str
) -> Inputs:
    """Each file once, whatever names it came under."""
    pictures: dict[tuple[int, bool], Picture] = {}
    pixels: dict[str, int] = {}
    if len(scene.inputs) > FULL_SIZED:
        pixels = declared_pixels({name: files[name] for name in scene.inputs})
        check_total(pixels, limits)
    unconverted = {layer.displacement.map for layer in scene.layers if layer.displacement}
    if scene.answer.keeps_profile:
        unconverted.add(scene.base)

    def picture(name: str, data: bytes) -> Picture:
        keep = name in unconverted

        def decoded() -> Picture:
            return decode(data, name, limits, keep)

        known = pictures.get((id(data), keep))
        if known is None:
            known = decoded() if cache is None else cache.get(data, decoded, owner, keep)
            pictures[id(data), keep] = known
            pixels.setdefault(name, known.image.width * known.image.height)
            check_total(pixels, limits)  # of formats whose headers are not read
        return known

    return {name: picture(name, files[name]) for name in scene.inputs}


def _is_used_once(base: Picture, inputs: Inputs) -> bool:
    return sum(picture is base for picture in inputs.values()) == 1


def _inspect_inputs(inspect: Inspect, inputs: Inputs) -> None:
    for name, picture in inputs.items():
        if name not in picture.inspected_as:
            inspect(name, to_srgb(picture.image, picture.profile))
            picture.inspected_as.add(name)


def _put(
    canvas: Image.Image, layer: Layer, inputs: Inputs, profile: bytes, limits: Limits, remove: Remove | None
) -> None:
    picture = Image.new("RGB", (1, 1), layer.colour) if layer.colour else inputs[layer.picture].image
    picture = cut_out(picture, layer.removal, remove)
    mask = inputs[layer.mask].image if layer.mask else None
    displacement = inputs[layer.displacement.map].image if layer.displacement else None
    put_layer(canvas, layer, Pictures(from_srgb(picture, profile), mask, displacement), limits)


def _coding(base: Picture, scene: Scene) -> JpegCoding:
    if base.coding is None:
        raise InvalidParameters(
            "image_quality", f'"keep" needs a JPEG file as {scene.base}; give a number from 1 to 100'
        )
    return base.coding


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + perf_counter() - start
