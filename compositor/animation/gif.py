"""Reads and writes animated GIF files (GIF89a specification)."""

import io
import math
import struct
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import partial
from itertools import islice
from typing import NamedTuple

from PIL import Image

from compositor.animation.frames import Disposal, Frame, Part, Ticks, changed
from compositor.geometry import Box, size_of, whole

_EXTENSION, _IMAGE = 0x21, 0x2C
_CONTROL, _APPLICATION = 0xF9, 0xFF  # of extensions
_LOOP = b"\x0bNETSCAPE2.0\x03\x01"
_HEADER = 13  # bytes, without the colour table
_END = b"\x3b"
_HUNDREDTH = Fraction(1, 100)
_MIN_DELAY = 2  # hundredths, of a frame of more than one: browsers show shorter ones for a tenth of a second
_MAX_DELAY = 0xFFFF
_COLOURS = 256
_SAMPLES = 128 * 128  # pixels from which a palette is computed; all pixels take eight times as long for 1 dB
_OPAQUE = 128  # the least alpha of a visible pixel
_DISPOSALS = {2: Disposal.CLEARED, 3: Disposal.RESTORED}
_CLEARS, _KEEPS = 2, 1


class _Block(NamedTuple):
    kind: int
    start: int
    end: int


def parts(data: bytes) -> Iterator[Part]:
    """The frames of the GIF file `data` in order. Raises `EOFError` if it ends within a block."""
    control, end = bytes(4), 0
    for block in _blocks(data):
        end = block.end
        if block.kind == _EXTENSION and data[block.start + 1] == _CONTROL:
            control = data[block.start + 3 : block.start + 7]
        elif block.kind == _IMAGE:
            yield _part(data, block, control)
            control = bytes(4)
    if end > len(data) or (end < len(data) and data[end] in (_EXTENSION, _IMAGE)):
        raise EOFError


def is_animated(data: bytes) -> bool:
    return len(list(islice((block for block in _blocks(data) if block.kind == _IMAGE), 2))) == 2


def plays(data: bytes) -> int:
    """How many times the animation plays, 0 for ever. The file stores repetitions, by default none."""
    for block in _blocks(data):
        if block.kind == _EXTENSION and data[block.start + 2 : block.start + 16] == _LOOP:
            repeats = _little(data, block.start + 16)
            return repeats + 1 if repeats else 0
    return 1


def encoded(frames: Iterable[Frame], plays: int) -> bytes:
    """A GIF of RGB or RGBA `frames` with 256 colours each. RGB frames are cropped to their changes."""
    written: list[bytes] = []
    previous: Image.Image | None = None
    ticks = Ticks(_HUNDREDTH)
    for frame in frames:
        image = frame.image
        if previous is None:
            written += [b"GIF89a", struct.pack("<2H3B", *image.size, 0x70, 0, 0), _loop(plays)]
        min_delay = _MIN_DELAY if frame.seconds > _HUNDREDTH else 0
        delay = min(_MAX_DELAY, max(min_delay, ticks.of(frame.seconds)))
        box = changed(previous, image) if image.mode == "RGB" else whole(image.size)
        written += _written(image.crop(box), box, delay)
        previous = image
    return b"".join([*written, _END])


def _blocks(data: bytes) -> Iterator[_Block]:
    at = _HEADER + _palette(data, 10)
    while at + 9 < len(data):
        kind = data[at]
        if kind == _EXTENSION:
            end = _past_blocks(data, at + 2)
        elif kind == _IMAGE:
            end = _past_blocks(data, at + 11 + _palette(data, at + 9))
        else:
            return
        yield _Block(kind, at, end)
        at = end


def _part(data: bytes, image: _Block, control: bytes) -> Part:
    left, top, width, height = struct.unpack_from("<4H", data, image.start + 1)
    return Part(
        still=partial(_still, data, image, control),
        size=(width, height),
        at=(left, top),
        seconds=_little(control, 1) * _HUNDREDTH,
        has_alpha=bool(control[0] & 1),
        blends=True,
        disposal=_DISPOSALS.get(control[0] >> 2 & 7, Disposal.KEPT),
    )


def _still(data: bytes, image: _Block, control: bytes) -> bytes:
    size, head = data[image.start + 5 : image.start + 9], _HEADER + _palette(data, 10)
    transparency = bytes((_EXTENSION, _CONTROL, 4, control[0] & 1, 0, 0, control[3], 0))
    picture = bytes((_IMAGE, 0, 0, 0, 0)) + size + data[image.start + 9 : image.end]
    return b"".join((b"GIF89a", size, data[10:head], transparency, picture, _END))


def _loop(plays: int) -> bytes:
    if plays == 1:
        return b""
    repeats = min(plays - 1, 0xFFFF) if plays else 0
    return bytes((_EXTENSION, _APPLICATION)) + _LOOP + repeats.to_bytes(2, "little") + b"\0"


def _written(image: Image.Image, box: Box, delay: int) -> Iterator[bytes]:
    """The blocks of a frame with the RGB or RGBA `image` in `box`."""
    opaque = image.mode == "RGB"
    out = io.BytesIO()
    _quantized(image).save(out, "GIF", optimize=False, interlace=0)
    data = out.getvalue()
    block = next(block for block in _blocks(data) if block.kind == _IMAGE)
    flags = (_KEEPS if opaque else _CLEARS) << 2 | (not opaque)
    yield struct.pack("<4BH2B", _EXTENSION, _CONTROL, 4, flags, delay, 0 if opaque else _COLOURS - 1, 0)
    yield struct.pack("<B4H", _IMAGE, *box[:2], *size_of(box))
    yield bytes((data[10] & 0x87,)) + data[_HEADER : _HEADER + _palette(data, 10)]
    yield data[block.start + 10 : block.end]


def _quantized(image: Image.Image) -> Image.Image:
    """`image` in 256 colours, mode P; in an RGBA image the last colour is transparent."""
    if image.mode == "RGB":
        return _in_colours(image, _COLOURS)
    hidden = image.getchannel("A").point(lambda alpha: 255 * (alpha < _OPAQUE))
    solid = image.convert("RGB")
    solid.paste((0, 0, 0), mask=hidden)
    colours = _in_colours(solid, _COLOURS - 1)
    colours.putpalette([*(colours.getpalette() or []), *bytes(3 * _COLOURS)][: 3 * _COLOURS])
    colours.paste(_COLOURS - 1, mask=hidden)
    return colours


def _in_colours(image: Image.Image, max_colours: int) -> Image.Image:
    """The RGB `image` in its own colours if it has at most `max_colours`, else in a palette of samples."""
    if image.getcolors(max_colours):
        return image.quantize(max_colours, Image.Quantize.MEDIANCUT)
    step = max(1, math.isqrt(image.width * image.height // _SAMPLES))
    samples = image.resize((-(-image.width // step), -(-image.height // step)), Image.Resampling.NEAREST)
    palette = samples.quantize(max_colours, Image.Quantize.MEDIANCUT)
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


def _palette(data: bytes, flags_at: int) -> int:
    """Bytes of the colour table whose flags are at `flags_at`."""
    flags = data[flags_at]
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _past_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1


def _little(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")
