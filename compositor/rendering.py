"""Renders a scene: decode, inspect, compose, flatten, inspect, encode."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from PIL import Image

from compositor.animation.frame import Frame
from compositor.animation.reader import read_animation
from compositor.background import on_background
from compositor.compose import Overlay
from compositor.decoding.cache import DecodedCache
from compositor.decoding.colour import from_srgb, to_srgb
from compositor.decoding.decode import Colours, Picture, decode
from compositor.decoding.identify import check_total, declared_pixels
from compositor.encode import Marks, encode, encode_animation
from compositor.errors import InvalidParameters
from compositor.file import File
from compositor.jpeg_coding import JpegCoding
from compositor.layers.prepared import Pictures
from compositor.layers.removal import Remove, cut_out
from compositor.limits import DEFAULT_LIMITS, FULL_SIZED, Limits
from compositor.scene import Layer, Output, Scene
from compositor.stopwatch import Stopwatch

Inspect = Callable[[str, Image.Image], None]
"""Called with a name and its RGB or RGBA picture in sRGB, which it must not modify; raises to end the job."""

Inputs = dict[str, Picture]
"""The decoded inputs by name."""


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
    output, watch = scene.output, Stopwatch()
    with watch.timing("decode"):
        distinct = _distinct(files)
        inputs = _decode_inputs(scene, distinct, limits, cache, owner)
        base = inputs[scene.base]
        keeps_animation = output.keeps_animation and base.animated and output.quality is not None
        animation = (
            read_animation(distinct[scene.base].data, base, scene.base, limits) if keeps_animation else None
        )
    coding = _coding(base, scene) if output.quality is None else output.quality
    if inspect:
        with watch.timing("inspect"):
            _inspect_inputs(inspect, inputs)
    overlays = _overlays(scene, inputs, limits, remove, keeps_animation)
    if animation:
        with watch.timing("compose"):
            overlays = list(overlays)
    may_modify = cache is None and _is_used_once(base, inputs)
    source = animation.frames() if animation else _still(base.image, may_modify)
    frames = _composed(source, overlays, output, base.profile, inspect, watch)
    with watch.timing("encode"):
        marks = Marks(base.credits if output.keeps_copyright else b"", base.profile)
        if animation and isinstance(coding, int):
            data = encode_animation(frames, animation.timing, output.image_format, coding, marks)
        else:
            data = encode(next(frames).image, output.image_format, coding, marks)
    first_frame_only = [name for name, picture in inputs.items() if picture.animated]
    if animation:
        first_frame_only.remove(scene.base)
    content_type = f"image/{output.image_format}"
    return Rendered(data, content_type, *base.image.size, watch.seconds, tuple(first_frame_only))


def _still(image: Image.Image, may_modify: bool) -> Iterator[Frame]:
    yield Frame(image if may_modify else image.copy())


def _overlays(
    scene: Scene, inputs: Inputs, limits: Limits, remove: Remove | None, is_repeated: bool
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
        pictures = _pictures(layer, inputs, in_base_space, remove)
        yield Overlay(layer, pictures, base.image.size, limits, kept_pixels)


def _composed(
    frames: Iterator[Frame],
    overlays: Iterable[Overlay],
    output: Output,
    profile: bytes,
    inspect: Inspect | None,
    watch: Stopwatch,
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


def _distinct(files: Mapping[str, bytes | File]) -> dict[str, File]:
    """One `File` per distinct object, whatever the number of its names."""
    distinct = {id(each): each if isinstance(each, File) else File(each) for each in files.values()}
    return {name: distinct[id(each)] for name, each in files.items()}


def _decode_inputs(
    scene: Scene, files: Mapping[str, File], limits: Limits, cache: DecodedCache | None, owner: str
) -> Inputs:
    """Decode each file once, whatever the number of its names."""
    pictures: dict[tuple[int, Colours], Picture] = {}
    pixels: dict[str, int] = {}
    colours = {layer.displacement.map: Colours.RAW for layer in scene.layers if layer.displacement}
    if scene.output.keeps_profile:
        colours[scene.base] = Colours.OWN

    def colours_of(name: str) -> Colours:
        return colours.get(name, Colours.SRGB)

    if len(scene.inputs) > FULL_SIZED:
        first = {id(files[name]): name for name in reversed(scene.inputs)}.values()
        cached = {
            name: known.image.width * known.image.height
            for name in first
            if cache and (known := cache.peek(owner, files[name].digest, colours_of(name)))
        }
        pixels = cached | declared_pixels({name: files[name].data for name in first if name not in cached})
        check_total(pixels, limits)

    def picture(name: str, file: File) -> Picture:
        space = colours_of(name)

        def decoded(data: bytes) -> Picture:
            return decode(data, name, limits, space)

        known = pictures.get((id(file), space))
        if known is None:
            known = decoded(file.data) if cache is None else cache.get(file, decoded, owner, space)
            pictures[id(file), space] = known
            pixels.setdefault(name, known.image.width * known.image.height)
            check_total(pixels, limits)  # again, for formats whose headers are not read
        return known

    return {name: picture(name, files[name]) for name in scene.inputs}


def _is_used_once(base: Picture, inputs: Inputs) -> bool:
    return sum(picture is base for picture in inputs.values()) == 1


def _inspect_inputs(inspect: Inspect, inputs: Inputs) -> None:
    for name, picture in inputs.items():
        if name not in picture.inspected_as:
            inspect(name, to_srgb(picture.image, picture.profile))
            picture.inspected_as.add(name)


def _pictures(
    layer: Layer, inputs: Inputs, in_base_space: Callable[[Image.Image], Image.Image], remove: Remove | None
) -> Pictures:
    picture = Image.new("RGB", (1, 1), layer.colour) if layer.colour else inputs[layer.picture].image
    picture = cut_out(picture, layer.removal, remove)
    mask = inputs[layer.mask].image if layer.mask else None
    displacement = inputs[layer.displacement.map].image if layer.displacement else None
    return Pictures(in_base_space(picture), mask, displacement)


def _coding(base: Picture, scene: Scene) -> JpegCoding:
    if base.coding is None:
        raise InvalidParameters(
            "image_quality", f'"keep" needs a JPEG file as {scene.base}; give a number from 1 to 100'
        )
    return base.coding
