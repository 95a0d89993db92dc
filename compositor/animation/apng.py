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
from compositor.decoding.png import chunk, chunks

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CONTROL = struct.Struct(">IIIIIHHBB")  # number, size, place, delay as a fraction, disposal, blending
_AFTER = {1: After.CLEARED, 2: After.RESTORED}
_OVER = 1
_ALPHA_TYPES = (4, 6)
_PIXELS = (b"IDAT", b"IEND")
_LEFT_OUT = (*_PIXELS, b"acTL", b"fcTL", b"fdAT", b"eXIf")  # of a frame's own file
_MOST = 0xFFFF  # of a delay's numerator and denominator
_HUNDREDTHS = 100

Chunk = tuple[bytes, bytes]
"""Name and content."""


def parts(data: bytes) -> Iterator[Part]:
    """The frames of the PNG file `data`, in their order; a default image that is no frame is none of them.

    Raises `SyntaxError` where there are fewer than it says.
    """
    head: list[Chunk] = []
    control, pixels = b"", list[slice]()
    said = found = 0
    for name, content in _contents(data):
        if name == b"acTL":
            said = int.from_bytes(data[content][:4], "big")
        elif name == b"fcTL":
            if pixels:
                yield _part(data, head, control, pixels)
            control, pixels = data[content], []
            found += 1
        elif name == b"fdAT":
            pixels.append(slice(content.start + 4, content.stop))
        elif name == b"IDAT" and control:
            pixels.append(content)
        elif name not in _LEFT_OUT and not pixels:
            head.append((name, data[content]))
    if pixels and control:
        yield _part(data, head, control, pixels)
    if found < said or not pixels:
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
    return b"".join(
        [_SIGNATURE, *head, chunk(b"acTL", _big(shown) + _big(plays)), *body, chunk(b"IEND", b"")]
    )


def _contents(data: bytes) -> Iterator[tuple[bytes, slice]]:
    """Name of each chunk, and where its content is."""
    for name, at in chunks(data):
        yield name, slice(at, at + int.from_bytes(data[at - 8 : at - 4], "big"))


def _part(data: bytes, head: list[Chunk], control: bytes, pixels: list[slice]) -> Part:
    _, width, height, left, top, delay, divisor, disposal, blending = _CONTROL.unpack(control)
    return Part(
        still=partial(_still, data, head, (width, height), pixels),
        size=(width, height),
        at=(left, top),
        seconds=Fraction(delay, divisor or _HUNDREDTHS),
        has_alpha=head[0][1][9] in _ALPHA_TYPES or any(name == b"tRNS" for name, _ in head),
        blends=blending == _OVER,
        after=_AFTER.get(disposal, After.KEPT),
    )


def _still(data: bytes, head: list[Chunk], size: Size, pixels: list[slice]) -> bytes:
    """One frame as a PNG of its own size."""
    first, *others = head
    header = chunk(b"IHDR", _big(size[0]) + _big(size[1]) + first[1][8:])
    around = [chunk(*each) for each in others]
    packed = [chunk(b"IDAT", data[each]) for each in pixels]
    return b"".join([_SIGNATURE, header, *around, *packed, chunk(b"IEND", b"")])


def _control(number: int, box: Box, seconds: Fraction) -> bytes:
    delay = seconds
    if max(delay.as_integer_ratio()) > _MOST:
        delay = Fraction(min(_MOST, round(seconds * _HUNDREDTHS)), _HUNDREDTHS)
    return _CONTROL.pack(number, *size_of(box), *box[:2], delay.numerator, delay.denominator, 0, 0)


def _big(number: int) -> bytes:
    return number.to_bytes(4, "big")
