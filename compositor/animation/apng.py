"""Reads and writes animated PNG files (PNG specification, third edition, 4.9)."""

import struct
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import partial
from itertools import count

from PIL import Image

from compositor.animation.frames import Disposal, Frame, Part, changed
from compositor.decoding.png import chunk, chunks
from compositor.decoding.repair import valid_png
from compositor.geometry import Box, Size, size_of

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CONTROL = struct.Struct(">IIIIIHHBB")  # number, size, offset, delay as a fraction, disposal, blending
_DISPOSALS = {1: Disposal.CLEARED, 2: Disposal.RESTORED}
_OVER = 1
_ALPHA_TYPES = (4, 6)
_PIXELS = (b"IDAT", b"IEND")
_COLOURS = (b"IHDR", b"PLTE", b"tRNS", b"cICP", b"mDCV", b"cLLI", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
_MAX_DELAY = 0xFFFF  # of its numerator and denominator
_HUNDREDTHS = 100
_MAX_PLAYS = 2**31 - 1

Head = dict[bytes, bytes]
"""The chunks before the pixels that define their meaning: content by name, IHDR first."""


def parts(data: bytes) -> Iterator[Part]:
    """The frames of the PNG file `data` in order, without a default image that is not a frame.

    Raises `SyntaxError` if there are fewer than the file declares.
    """
    data = valid_png(data)
    head: Head = {}
    control, pixels = b"", list[slice]()
    declared = found = 0
    is_head = True
    for name, content in chunks(data):
        is_head = is_head and name not in (b"IDAT", b"fdAT")
        if name == b"acTL":
            declared = int.from_bytes(data[content][:4], "big")
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
    if found < declared:
        raise SyntaxError("frames are missing")


def plays(data: bytes) -> int:
    """How many times the animation plays, 0 for ever."""
    control = next((data[content] for name, content in chunks(data) if name == b"acTL"), None)
    return 1 if control is None else int.from_bytes(control[4:8], "big")


def encoded(frames: Iterable[Frame], plays: int, still: Callable[[Image.Image], bytes]) -> bytes:
    """A PNG of `frames`, all RGB or all RGBA, each cropped to its changes; `still` encodes one image."""
    head: list[bytes] = []
    body: list[bytes] = []
    previous: Image.Image | None = None
    numbers = count()
    frame_count = 0
    for frame in frames:
        box = changed(previous, frame.image)
        file = still(frame.image.crop(box))
        if previous is None:
            head = [chunk(name, file[at]) for name, at in chunks(file) if name not in _PIXELS]
        body.append(chunk(b"fcTL", _control(next(numbers), box, frame.seconds)))
        for at in (at for name, at in chunks(file) if name == b"IDAT"):
            later = previous is not None
            body.append(chunk(b"fdAT", _big(next(numbers)) + file[at]) if later else chunk(b"IDAT", file[at]))
        previous = frame.image
        frame_count += 1
    control = chunk(b"acTL", _big(frame_count) + _big(min(plays, _MAX_PLAYS)))
    return b"".join([_SIGNATURE, *head, control, *body, chunk(b"IEND", b"")])


def _part(data: bytes, head: Head, control: bytes, pixels: list[slice]) -> Part:
    _, width, height, left, top, delay, divisor, disposal, blending = _CONTROL.unpack(control)
    return Part(
        still=partial(_still, data, head, (width, height), pixels),
        size=(width, height),
        at=(left, top),
        seconds=Fraction(delay, divisor or _HUNDREDTHS),
        has_alpha=head[b"IHDR"][9] in _ALPHA_TYPES or b"tRNS" in head,
        blends=blending == _OVER,
        disposal=_DISPOSALS.get(disposal, Disposal.KEPT),
    )


def _still(data: bytes, head: Head, size: Size, pixels: list[slice]) -> bytes:
    sized = head | {b"IHDR": _big(size[0]) + _big(size[1]) + head[b"IHDR"][8:]}
    before = [chunk(*each) for each in sized.items()]
    packed = [chunk(b"IDAT", data[each]) for each in pixels]
    return b"".join([_SIGNATURE, *before, *packed, chunk(b"IEND", b"")])


def _control(number: int, box: Box, seconds: Fraction) -> bytes:
    delay = seconds
    if max(delay.as_integer_ratio()) > _MAX_DELAY:
        divisor = max(1, int(_MAX_DELAY / seconds))  # the most precise one that can express it
        delay = Fraction(min(_MAX_DELAY, round(seconds * divisor)), divisor)
    return _CONTROL.pack(number, *size_of(box), *box[:2], delay.numerator, delay.denominator, 0, 0)


def _big(number: int) -> bytes:
    return number.to_bytes(4, "big")
