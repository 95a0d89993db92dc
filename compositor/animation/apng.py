"""Animated PNG files (PNG specification, third edition, 4.9): taken apart into frames, and made of frames."""

import struct
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import partial
from itertools import count

from PIL import Image

from compositor.animation.frame import Frame, changed
from compositor.animation.part import After, Part
from compositor.box import Box, Size, size_of
from compositor.decoding.mend import sound_png
from compositor.decoding.png import chunk, chunks

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CONTROL = struct.Struct(">IIIIIHHBB")  # number, size, place, delay as a fraction, disposal, blending
_AFTER = {1: After.CLEARED, 2: After.RESTORED}
_OVER = 1
_ALPHA_TYPES = (4, 6)
_PIXELS = (b"IDAT", b"IEND")
_COLOURS = (b"IHDR", b"PLTE", b"tRNS", b"cICP", b"mDCV", b"cLLI", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
_MOST = 0xFFFF  # of a delay's numerator and denominator
_HUNDREDTHS = 100
_MOST_PLAYS = 2**31 - 1

Head = dict[bytes, bytes]
"""What stands before the pixels and says what they mean: contents of chunks by their names, IHDR first."""


def parts(data: bytes) -> Iterator[Part]:
    """The frames of the PNG file `data`, in their order; a default image that is no frame is none of them.

    Raises `SyntaxError` where there are fewer than it says.
    """
    data = sound_png(data)
    head: Head = {}
    control, pixels = b"", list[slice]()
    said = found = 0
    is_head = True
    for name, content in _contents(data):
        is_head = is_head and name not in (b"IDAT", b"fdAT")
        if name == b"acTL":
            said = int.from_bytes(data[content][:4], "big")
        elif name == b"fcTL":
            if control:
                yield _part(data, head, control, pixels)
            control, pixels = data[content], []
            found += 1
        elif name == b"fdAT":
            pixels.append(slice(content.start + 4, content.stop))
        elif name == b"IDAT" and control:
            pixels.append(content)
        elif is_head and name in _COLOURS:
            head[name] = data[content]
    if control:
        yield _part(data, head, control, pixels)
    if found < said:
        raise SyntaxError("frames are missing")


def plays(data: bytes) -> int:
    """How many times it is shown, 0 for ever."""
    at = next((at for name, at in chunks(data) if name == b"acTL"), None)
    return 1 if at is None else int.from_bytes(data[at + 4 : at + 8], "big")


def encoded(frames: Iterable[Frame], plays: int, still: Callable[[Image.Image], bytes]) -> bytes:
    """A PNG of `frames`, all RGB or all RGBA; `still` makes one of an image. Only what changes is kept."""
    head: list[bytes] = []
    body: list[bytes] = []
    previous: Image.Image | None = None
    numbers = count()
    shown = 0
    for frame in frames:
        box = changed(previous, frame.image)
        file = still(frame.image.crop(box))
        if previous is None:
            head = [chunk(name, file[at]) for name, at in _contents(file) if name not in _PIXELS]
        body.append(chunk(b"fcTL", _control(next(numbers), box, frame.seconds)))
        for at in (at for name, at in _contents(file) if name == b"IDAT"):
            later = previous is not None
            body.append(chunk(b"fdAT", _big(next(numbers)) + file[at]) if later else chunk(b"IDAT", file[at]))
        previous = frame.image
        shown += 1
    told = chunk(b"acTL", _big(shown) + _big(min(plays, _MOST_PLAYS)))
    return b"".join([_SIGNATURE, *head, told, *body, chunk(b"IEND", b"")])


def _contents(data: bytes) -> Iterator[tuple[bytes, slice]]:
    """Name of each chunk, and where its content is."""
    for name, at in chunks(data):
        yield name, slice(at, at + int.from_bytes(data[at - 8 : at - 4], "big"))


def _part(data: bytes, head: Head, control: bytes, pixels: list[slice]) -> Part:
    _, width, height, left, top, delay, divisor, disposal, blending = _CONTROL.unpack(control)
    return Part(
        still=partial(_still, data, head, (width, height), pixels),
        size=(width, height),
        at=(left, top),
        seconds=Fraction(delay, divisor or _HUNDREDTHS),
        has_alpha=head[b"IHDR"][9] in _ALPHA_TYPES or b"tRNS" in head,
        blends=blending == _OVER,
        after=_AFTER.get(disposal, After.KEPT),
    )


def _still(data: bytes, head: Head, size: Size, pixels: list[slice]) -> bytes:
    """One frame as a PNG of its own size."""
    sized = head | {b"IHDR": _big(size[0]) + _big(size[1]) + head[b"IHDR"][8:]}
    before = [chunk(*each) for each in sized.items()]
    packed = [chunk(b"IDAT", data[each]) for each in pixels]
    return b"".join([_SIGNATURE, *before, *packed, chunk(b"IEND", b"")])


def _control(number: int, box: Box, seconds: Fraction) -> bytes:
    delay = seconds
    if max(delay.as_integer_ratio()) > _MOST:
        divisor = max(1, int(_MOST / seconds))  # the finest that can say so much
        delay = Fraction(min(_MOST, round(seconds * divisor)), divisor)
    return _CONTROL.pack(number, *size_of(box), *box[:2], delay.numerator, delay.denominator, 0, 0)


def _big(number: int) -> bytes:
    return number.to_bytes(4, "big")
