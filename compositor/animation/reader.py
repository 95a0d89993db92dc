"""Reads the frames of an animated input one after another, so that only a few are in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from math import prod
from types import ModuleType

from PIL import Image

from compositor.animation import apng, avif, gif, webp
from compositor.animation.frames import Disposal, Frame, Part
from compositor.decoding.colour import to_srgb
from compositor.decoding.colour.space import ColourSpace, colour_space
from compositor.decoding.decode import Colours, Picture, decode, opened, reading
from compositor.decoding.exif import upright
from compositor.decoding.identify import kind
from compositor.decoding.repair import repaired
from compositor.errors import ImageTooLarge, megapixels
from compositor.files import Limits
from compositor.geometry import Box, Size, common, shifted, whole
from compositor.over import put_over

_FORMATS = {"GIF": gif, "PNG": apng, "WEBP": webp}
_FRAME_SHARE = 4
"""A frame may have 1/4 of the pixels of a still picture: encoders hold several frames, beside the layers."""


@dataclass(frozen=True)
class Animation:
    """`count` frames, to be played `plays` times, 0 for ever.

    `frames` are upright, all RGB or all RGBA, with the size and colour space of the decoded first frame. Each
    call starts at the first frame. The iterator raises `InvalidImage` at a damaged frame.
    """

    count: int
    plays: int
    frames: Callable[[], Iterator[Frame]]


def read_animation(data: bytes, first: Picture, name: str, limits: Limits) -> Animation:
    """The animation in the file `data` of parameter `name`, whose first frame was decoded as `first`.

    Raises `ImageTooLarge`, before it decodes a frame, and `InvalidImage`.
    """
    module = _FORMATS.get(kind(data) or "")
    return _from_parts(data, module, first, name, limits) if module else _avif(data, first, name, limits)


def _from_parts(data: bytes, module: ModuleType, first: Picture, name: str, limits: Limits) -> Animation:
    with reading(data, name, limits):
        parts = list(islice(module.parts(data), limits.max_frames + 1))
        plays = module.plays(data)
        needs_space = module is webp and not first.profile  # parts of the other formats contain it
        profile, peak = colour_space(opened(repaired(data), limits), data) if needs_space else ColourSpace()
    largest = max([first.image.size, *(part.size for part in parts)], key=prod)
    _check(len(parts), largest, name, limits)
    size = upright(Image.new("1", first.image.size), first.orientation).size
    mode = "RGB" if _is_opaque(parts, size) else "RGBA"

    def patch(part: Part) -> Image.Image:
        still = decode(part.still(), name, limits, Colours.OWN if first.profile else Colours.SRGB)
        return to_srgb(still.image, profile, peak)

    def frames() -> Iterator[Frame]:
        for image, part in _composed(parts, patch, Image.new(mode, size)):
            yield Frame(upright(image, first.orientation), part.seconds)

    return Animation(len(parts), plays, frames)


def _avif(data: bytes, first: Picture, name: str, limits: Limits) -> Animation:
    with reading(data, name, limits):
        image = opened(data, limits)
        count = int(getattr(image, "n_frames", 1))
        profile, peak = colour_space(image, data)
    _check(count, first.image.size, name, limits)

    def frames() -> Iterator[Frame]:
        for number in range(count):
            with reading(data, name, limits):
                image.seek(number)
                image.load()
            colour = to_srgb(image.copy(), b"" if first.profile else profile, peak)
            seconds = Fraction(image.info["duration"], 1000)
            yield Frame(upright(colour, first.orientation), seconds)

    return Animation(count, avif.plays(data), frames)


def _check(count: int, size: Size, name: str, limits: Limits) -> None:
    frame, max_frame = size[0] * size[1], limits.max_pixels // _FRAME_SHARE
    pixels, frames = count * frame, f"frames of {size[0]} x {size[1]}"
    if count > limits.max_frames:
        problem = f"more than {limits.max_frames:,} frames, the maximum; send a shorter animation"
    elif frame > max_frame:
        problem = f"{frames} = {megapixels(frame)}, at most {megapixels(max_frame)}; send a smaller animation"
    elif pixels > limits.max_animation_pixels:
        allowed = f"at most {megapixels(limits.max_animation_pixels)} together"
        problem = f"{count:,} {frames} = {megapixels(pixels)}, {allowed}; send a smaller or shorter animation"
    else:
        return
    raise ImageTooLarge(name, problem)


def _is_opaque(parts: list[Part], size: Size) -> bool:
    first, *others = parts
    return (
        common(_box(first), whole(size)) == whole(size)
        and not first.has_alpha
        and all(part.blends or not part.has_alpha for part in others)
        and all(part.disposal is not Disposal.CLEARED for part in parts)
        and first.disposal is Disposal.KEPT
    )


def _composed(
    parts: list[Part], patch: Callable[[Part], Image.Image], canvas: Image.Image
) -> Iterator[tuple[Image.Image, Part]]:
    """The canvas, initially blank, after each part is put on it; a new picture each time."""
    for part in parts:
        previous = canvas.copy() if part.disposal is Disposal.RESTORED else None
        picture, box = patch(part), common(_box(part), whole(canvas.size))
        if box:
            visible = picture.crop(shifted(box, (-part.at[0], -part.at[1])))
            replaces = visible.mode == "RGB" or not part.blends
            if replaces and box == whole(canvas.size):
                canvas = visible if visible.mode == canvas.mode else visible.convert(canvas.mode)
            elif part.blends:
                put_over(canvas, visible, box)
            else:
                canvas.paste(visible.convert(canvas.mode), box)
        yield canvas.copy(), part
        if previous:
            canvas = previous
        elif box and part.disposal is Disposal.CLEARED:
            canvas.paste((0, 0, 0, 0), box)


def _box(part: Part) -> Box:
    return shifted(whole(part.size), part.at)
