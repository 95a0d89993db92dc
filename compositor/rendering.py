"""Renders a scene: decode, inspect, compose, flatten, inspect, encode."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from PIL import Image

from compositor.animation.frames import Frame
from compositor.animation.reader import Animation, read_animation
from compositor.compose import Overlay, on_background
from compositor.decoding.colour import from_srgb, to_srgb
from compositor.decoding.decode import Picture
from compositor.decoding.inputs import DecodedCache, decode_inputs
from compositor.decoding.jpeg_pixels import JpegCoding
from compositor.encode import Marks, encode, encode_animation
from compositor.errors import InvalidParameters
from compositor.files import DEFAULT_LIMITS, File, Limits
from compositor.layers.alpha import Remove, cut_out
from compositor.layers.prepared import Pictures
from compositor.models.superimpose import SuperimposeParams
from compositor.scene import Output, Scene

Inspect = Callable[[str, Image.Image], None]
"""Called with a name and its RGB or RGBA picture in sRGB, which it must not modify; raises to end the job."""


@dataclass(frozen=True)
class Rendered:
    """The output: an image file, its content type and size in pixels.

    `seconds` holds the wall time of the stages "decode", "compose" and "encode", and of "inspect" if there is
    a hook; `animated` names the animated inputs of which only the first frame was used.
    """

    data: bytes
    content_type: str
    width: int
    height: int
    seconds: Mapping[str, float]
    animated: tuple[str, ...]


def render(
    scene: Scene,
    files: Mapping[str, bytes | File],
    *,
    limits: Limits = DEFAULT_LIMITS,
    cache: DecodedCache | None = None,
    owner: str = "",
    inspect: Inspect | None = None,
    remove: Remove | None = None,
) -> Rendered:
    """Render a scene from image files, by the names that the scene has for them.

    A `File` is read only if its decoded picture is not in the `cache` or its animation is kept.

    The `cache` returns only pictures of the same `owner`. `inspect` is called with each input once all are
    decoded, and with each frame as "output" before it is encoded. An input that passed is not inspected again
    under the same name while it is in the `cache`, so a cache must always be used with the same `inspect`.
    `remove` removes the backgrounds of layers with a `removal`; without it they remain.

    Raises a `CompositorError` that names the input at fault, and the errors of the hooks.
    """
    output, watch = scene.output, _Stopwatch()
    with watch.timing("decode"):
        distinct = _distinct(files)
        inputs = decode_inputs(scene, distinct, limits, cache, owner)
        base = inputs[scene.base]
        animation = _animation(scene, base, distinct[scene.base], limits)
    coding = _coding(base, scene)
    if inspect:
        with watch.timing("inspect"):
            _inspect_inputs(inspect, inputs)
    overlays = _overlays(scene, inputs, limits, remove, animation is not None)
    if animation:
        with watch.timing("compose"):
            overlays = list(overlays)
    may_modify = cache is None and sum(picture is base for picture in inputs.values()) == 1
    source = animation.frames() if animation else _still(base.image, may_modify)
    frames = _composed(source, overlays, output, base.profile, inspect, watch)
    with watch.timing("encode"):
        data = _encoded(frames, animation, base, coding, output)
    first_frame_only = [
        name for name, each in inputs.items() if each.animated and not (animation and name == scene.base)
    ]
    content_type = f"image/{output.image_format}"
    return Rendered(data, content_type, *base.image.size, watch.seconds, tuple(first_frame_only))


def superimpose(
    base: bytes | File,
    overlay: bytes | File,
    params: SuperimposeParams,
    mask: bytes | File | None = None,
    **options: Any,
) -> Rendered:
    """Render the inputs "base_image", "overlay_image" and "mask", with the options and errors of `render`."""
    files = {"base_image": base, "overlay_image": overlay}
    if mask is not None:
        files["mask"] = mask
        params = params.model_copy(update={"mask": "mask"})
    return render(params.scene(), files, **options)


def _distinct(files: Mapping[str, bytes | File]) -> dict[str, File]:
    """One `File` per distinct object, whatever the number of its names."""
    distinct = {id(each): each if isinstance(each, File) else File(each) for each in files.values()}
    return {name: distinct[id(each)] for name, each in files.items()}


def _animation(scene: Scene, base: Picture, file: File, limits: Limits) -> Animation | None:
    """The animation of the base if it is kept."""
    if scene.output.keeps_animation and base.animated and scene.output.quality is not None:
        return read_animation(file.data, base, scene.base, limits)
    return None


def _coding(base: Picture, scene: Scene) -> int | JpegCoding:
    """The quality of the output, or the coding of the base to keep."""
    if scene.output.quality is not None:
        return scene.output.quality
    if base.coding is None:
        problem = f'"keep" needs a JPEG file as {scene.base}; give a number from 1 to 100'
        raise InvalidParameters("image_quality", problem)
    return base.coding


class _Stopwatch:
    """`seconds` of wall time by stage; the time of a nested stage is not added to the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._within = 0.0

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Add the time of this block to `stage`, unless it raises."""
        start, within, self._within = perf_counter(), self._within, 0.0
        yield
        took = perf_counter() - start
        self.seconds[stage] = self.seconds.get(stage, 0.0) + took - self._within
        self._within = within + took


def _inspect_inputs(inspect: Inspect, inputs: Mapping[str, Picture]) -> None:
    for name, picture in inputs.items():
        if name not in picture.inspected_as:
            inspect(name, to_srgb(picture.image, picture.profile))
            picture.inspected_as.add(name)


def _overlays(
    scene: Scene, inputs: Mapping[str, Picture], limits: Limits, remove: Remove | None, is_repeated: bool
) -> Iterable[Overlay]:
    """The prepared layers, one after another; for more than one frame if `is_repeated`."""
    base = inputs[scene.base]
    kept_pixels = limits.max_pixels // len(scene.layers) if is_repeated else 0
    converted: dict[int, tuple[Image.Image, Image.Image]] = {}

    def in_base_space(picture: Image.Image) -> Image.Image:
        if not is_repeated:
            return from_srgb(picture, base.profile)
        if id(picture) not in converted:  # all layers are held at once: share one copy
            converted[id(picture)] = (picture, from_srgb(picture, base.profile))
        return converted[id(picture)][1]

    for layer in scene.layers:
        picture = Image.new("RGB", (1, 1), layer.colour) if layer.colour else inputs[layer.picture].image
        pictures = Pictures(
            in_base_space(cut_out(picture, layer.removal, remove)),
            inputs[layer.mask].image if layer.mask else None,
            inputs[layer.displacement.map].image if layer.displacement else None,
        )
        yield Overlay(layer, pictures, base.image.size, limits, kept_pixels)


def _still(image: Image.Image, may_modify: bool) -> Iterator[Frame]:
    yield Frame(image if may_modify else image.copy())


def _composed(
    frames: Iterator[Frame],
    overlays: Iterable[Overlay],
    output: Output,
    profile: bytes,
    inspect: Inspect | None,
    watch: _Stopwatch,
) -> Iterator[Frame]:
    """The `frames` with the overlays on them; their pixels are modified in place."""
    while True:
        with watch.timing("decode"):
            frame = next(frames, None)
        if frame is None:
            return
        with watch.timing("compose"):
            canvas, seconds = frame
            del frame  # frees the pixels without the background before the frame is encoded
            for overlay in overlays:
                overlay.put(canvas)
            canvas = on_background(canvas, output.background, output.image_format, profile)
        if inspect:
            with watch.timing("inspect"):
                inspect("output", to_srgb(canvas, profile))
        yield Frame(canvas, seconds)


def _encoded(
    frames: Iterator[Frame],
    animation: Animation | None,
    base: Picture,
    coding: int | JpegCoding,
    output: Output,
) -> bytes:
    marks = Marks(base.credits if output.keeps_copyright else b"", base.profile)
    if animation and isinstance(coding, int):
        count, plays = animation.count, animation.plays
        return encode_animation(frames, count, plays, output.image_format, coding, marks)
    return encode(next(frames).image, output.image_format, coding, marks)
