"""A scene from input files to answer: decode, inspect, compose, flatten, inspect, encode."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from PIL import Image

from compositor.animation.film import film
from compositor.animation.frame import Frame
from compositor.background import on_background
from compositor.compose import Overlay
from compositor.decoding.cache import DecodedCache
from compositor.decoding.colour import from_srgb, to_srgb
from compositor.decoding.decode import Colours, Picture, decode
from compositor.decoding.identify import check_total, declared_pixels
from compositor.encode import Marks, encode, encode_film
from compositor.errors import InvalidParameters
from compositor.file import File
from compositor.jpeg_coding import JpegCoding
from compositor.layers.prepared import Pictures
from compositor.layers.removal import Remove, cut_out
from compositor.limits import DEFAULT_LIMITS, FULL_SIZED, Limits
from compositor.scene import Answer, Layer, Scene
from compositor.stopwatch import Stopwatch

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
    files: Mapping[str, bytes | File],
    *,
    limits: Limits = DEFAULT_LIMITS,
    cache: DecodedCache | None = None,
    owner: str = "",
    inspect: Inspect | None = None,
    remove: Remove | None = None,
) -> Rendered:
    """Make a picture of image files, by the names that the scene has for them.

    A `File` is read where its picture is not in the `cache`, or is kept moving.

    In the `cache` only what the same `owner` sent is found. `inspect` is shown each input by its name when
    all are decoded, and as "output" what is about to be encoded, frame by frame. An input that passed is not
    shown again under the same name while it is in the `cache`, which therefore goes with one `inspect`.
    `remove` takes the backgrounds of layers away that name a `removal`; without it they stay.

    Raises a `CompositorError` that names the input at fault, and what the hooks raise.
    """
    answer, watch = scene.answer, Stopwatch()
    with watch.timing("decode"):
        distinct = _distinct(files)
        inputs = _decode_inputs(scene, distinct, limits, cache, owner)
        base = inputs[scene.base]
        is_moving = answer.keeps_animation and base.animated and answer.quality is not None
        moving = film(distinct[scene.base].data, base, scene.base, limits) if is_moving else None
    coding = _coding(base, scene) if answer.quality is None else answer.quality
    if inspect:
        with watch.timing("inspect"):
            _inspect_inputs(inspect, inputs)
    overlays = _overlays(scene, inputs, limits, remove, is_moving)
    if moving:
        with watch.timing("compose"):
            overlays = list(overlays)
    is_ours = cache is None and _is_used_once(base, inputs)
    source = moving.frames() if moving else _still(base.image, is_ours)
    frames = _composed(source, overlays, answer, base.profile, inspect, watch)
    with watch.timing("encode"):
        marks = Marks(base.credits if answer.keeps_copyright else b"", base.profile)
        if moving and isinstance(coding, int):
            data = encode_film(frames, moving.timing, answer.image_format, coding, marks)
        else:
            data = encode(next(frames).image, answer.image_format, coding, marks)
    stilled = [name for name, picture in inputs.items() if picture.animated]
    if moving:
        stilled.remove(scene.base)
    content_type = f"image/{answer.image_format}"
    return Rendered(data, content_type, *base.image.size, watch.seconds, tuple(stilled))


def _still(image: Image.Image, is_ours: bool) -> Iterator[Frame]:
    yield Frame(image if is_ours else image.copy())


def _overlays(
    scene: Scene, inputs: Inputs, limits: Limits, remove: Remove | None, again: bool
) -> Iterable[Overlay]:
    """The layers made ready, each when it is its turn; for more than one frame if `again`."""
    base = inputs[scene.base]
    kept_pixels = limits.max_pixels // len(scene.layers) if again else 0
    converted: dict[int, tuple[Image.Image, Image.Image]] = {}

    def in_base_space(picture: Image.Image) -> Image.Image:
        if not again:
            return from_srgb(picture, base.profile)
        if id(picture) not in converted:  # all layers are held at a time, so of each picture one copy
            converted[id(picture)] = (picture, from_srgb(picture, base.profile))
        return converted[id(picture)][1]

    for layer in scene.layers:
        pictures = _pictures(layer, inputs, in_base_space, remove)
        yield Overlay(layer, pictures, base.image.size, limits, kept_pixels)


def _composed(
    frames: Iterator[Frame],
    overlays: Iterable[Overlay],
    answer: Answer,
    profile: bytes,
    inspect: Inspect | None,
    watch: Stopwatch,
) -> Iterator[Frame]:
    """The `frames`, whose pixels are taken over, with the overlays on them."""
    while True:
        with watch.timing("decode"):
            frame = next(frames, None)
        if frame is None:
            return
        with watch.timing("compose"):
            canvas, seconds = frame
            del frame  # or pixels without the background would be held while they are encoded
            for overlay in overlays:
                overlay.put(canvas)
            canvas = on_background(canvas, answer.background, answer.image_format, profile)
        if inspect:
            with watch.timing("inspect"):
                inspect("output", to_srgb(canvas, profile))
        yield Frame(canvas, seconds)


def _distinct(files: Mapping[str, bytes | File]) -> dict[str, File]:
    """One `File` for all names of the same bytes."""
    distinct = {id(each): each if isinstance(each, File) else File(each) for each in files.values()}
    return {name: distinct[id(each)] for name, each in files.items()}


def _decode_inputs(
    scene: Scene, files: Mapping[str, File], limits: Limits, cache: DecodedCache | None, owner: str
) -> Inputs:
    """Each file once, whatever names it came under."""
    pictures: dict[tuple[int, Colours], Picture] = {}
    pixels: dict[str, int] = {}
    unlike = {layer.displacement.map: Colours.RAW for layer in scene.layers if layer.displacement}
    if scene.answer.keeps_profile:
        unlike[scene.base] = Colours.OWN

    def colours_of(name: str) -> Colours:
        return unlike.get(name, Colours.SRGB)

    if len(scene.inputs) > FULL_SIZED:
        first = {id(files[name]): name for name in reversed(scene.inputs)}.values()
        held = {
            name: known.image.width * known.image.height
            for name in first
            if cache and (known := cache.peek(owner, files[name].digest, colours_of(name)))
        }
        pixels = held | declared_pixels({name: files[name].data for name in first if name not in held})
        check_total(pixels, limits)

    def picture(name: str, file: File) -> Picture:
        colours = colours_of(name)

        def decoded(data: bytes) -> Picture:
            return decode(data, name, limits, colours)

        known = pictures.get((id(file), colours))
        if known is None:
            known = decoded(file.data) if cache is None else cache.get(file, decoded, owner, colours)
            pictures[id(file), colours] = known
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
