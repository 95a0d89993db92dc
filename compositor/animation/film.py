"""The frames of an animated input, one after another: memory holds a few of them, however many there are."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from math import prod
from typing import NamedTuple

from PIL import Image

from compositor.animation import apng, avif, gif, webp
from compositor.animation.frame import Frame, Timing
from compositor.animation.part import After, Part
from compositor.box import Box, Size, common, shifted, whole
from compositor.decoding.colour import to_srgb
from compositor.decoding.colour.stated import Stated, stated
from compositor.decoding.decode import Colours, Picture, decode, opened, reading
from compositor.decoding.header import kind
from compositor.decoding.mend import mended
from compositor.decoding.orientation import upright
from compositor.errors import ImageTooLarge
from compositor.limits import Limits
from compositor.over import put_over


class Format(NamedTuple):
    """How to read a format of files that are made of parts, and whether these state their colour space."""

    parts: Callable[[bytes], Iterator[Part]]
    plays: Callable[[bytes], int]
    states_space: bool


_FORMATS = {
    "GIF": Format(gif.parts, gif.plays, True),
    "PNG": Format(apng.parts, apng.plays, True),
    "WEBP": Format(webp.parts, webp.plays, False),
}


_SHARE_OF_FRAME = 4
"""A frame may have this part of a picture's pixels: encoders hold several, and the layers come on top."""


@dataclass(frozen=True)
class Film:
    """`frames` are upright, in the space and of the size of the first as a picture; all RGB or all RGBA.

    They begin anew with each call, which raises `InvalidImage` at a frame that is damaged.
    """

    timing: Timing
    frames: Callable[[], Iterator[Frame]]


def film(data: bytes, first: Picture, name: str, limits: Limits) -> Film:
    """The animation in the file `data` that came as parameter `name`, of which `first` was decoded.

    Raises `ImageTooLarge`, before a frame is decoded, and `InvalidImage`.
    """
    form = _FORMATS.get(kind(data) or "")
    return _in_parts(data, form, first, name, limits) if form else _avif(data, first, name, limits)


def _in_parts(data: bytes, form: Format, first: Picture, name: str, limits: Limits) -> Film:
    with reading(data, name, limits):
        parts = list(islice(form.parts(data), limits.max_frames + 1))
        plays = form.plays(data)
        stated_once = not (form.states_space or first.profile)
        profile, peak = stated(opened(mended(data), limits), data) if stated_once else Stated()
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

    return Film(Timing(len(parts), plays), frames)


def _avif(data: bytes, first: Picture, name: str, limits: Limits) -> Film:
    with reading(data, name, limits):
        image = opened(data, limits)
        count = int(getattr(image, "n_frames", 1))
        profile, peak = stated(image, data)
    _check(count, first.image.size, name, limits)

    def frames() -> Iterator[Frame]:
        for number in range(count):
            with reading(data, name, limits):
                image.seek(number)
                image.load()
            colour = to_srgb(image.copy(), b"" if first.profile else profile, peak)
            seconds = Fraction(image.info["duration"], 1000)
            yield Frame(upright(colour, first.orientation), seconds)

    return Film(Timing(count, avif.plays(data)), frames)


def _check(count: int, size: Size, name: str, limits: Limits) -> None:
    if count > limits.max_frames:
        raise ImageTooLarge(
            name, f"more than {limits.max_frames:,} frames, which is the most; send a shorter animation"
        )
    frame, most_of_frame = size[0] * size[1], limits.max_pixels // _SHARE_OF_FRAME
    if frame > most_of_frame:
        raise ImageTooLarge(
            name,
            f"frames of {size[0]} x {size[1]} = {frame / 1e6:.4g} MP, at most {most_of_frame / 1e6:.4g} MP;"
            " send a smaller animation",
        )
    pixels = count * frame
    if pixels > limits.max_animation_pixels:
        most = f"{limits.max_animation_pixels / 1e6:.4g} MP"
        raise ImageTooLarge(
            name,
            f"{count:,} frames of {size[0]} x {size[1]} = {pixels / 1e6:.4g} MP, at most {most} together;"
            " send a smaller or shorter animation",
        )


def _is_opaque(parts: list[Part], size: Size) -> bool:
    """Whether no frame can show what is under the canvas."""
    first, *others = parts
    return (
        common(_box(first), whole(size)) == whole(size)
        and not first.has_alpha
        and all(part.blends or not part.has_alpha for part in others)
        and all(part.after is not After.CLEARED for part in parts)
        and first.after is After.KEPT
    )


def _composed(
    parts: list[Part], patch: Callable[[Part], Image.Image], canvas: Image.Image
) -> Iterator[tuple[Image.Image, Part]]:
    """What the canvas, blank at first, shows with each part; a picture of its own each."""
    for part in parts:
        under = canvas.copy() if part.after is After.RESTORED else None
        picture, box = patch(part), common(_box(part), whole(canvas.size))
        if box:
            seen = picture.crop(shifted(box, (-part.at[0], -part.at[1])))
            hides = seen.mode == "RGB" or not part.blends
            if hides and box == whole(canvas.size):
                canvas = seen if seen.mode == canvas.mode else seen.convert(canvas.mode)
            elif part.blends:
                put_over(canvas, seen, box)
            else:
                canvas.paste(seen.convert(canvas.mode), box)
        yield canvas.copy(), part
        if under:
            canvas = under
        elif box and part.after is After.CLEARED:
            canvas.paste((0, 0, 0, 0), box)


def _box(part: Part) -> Box:
    return shifted(whole(part.size), part.at)
