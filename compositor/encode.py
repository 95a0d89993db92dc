"""Encodes pixels as an image file, with their colour space."""

import io
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import fpng
from PIL import Image, ImageCms

from compositor.animation import apng, avif, gif
from compositor.animation.frames import Frame, Ticks
from compositor.decoding.colour.icc import dated
from compositor.decoding.jpeg_pixels import JpegCoding
from compositor.decoding.png import chunk
from compositor.errors import ImageTooLarge

_MILLISECOND = Fraction(1, 1000)
_WEBP_MAX_PLAYS = 0xFFFF
_WEBP_MAX_DURATION = 2**24 - 1  # milliseconds of a frame
_WEBP_MAX_TOTAL = 2**31 - 1
_AVIF_MAX_DURATION = 2**32 - 1
_FULL_CHROMA = 90  # least quality with chroma at full resolution
_WEBP_METHOD = 2  # for photographs twice as fast as Pillow's 4, with files of the same size
_WEBP_MAX_SIDE = 16_383
_LOSSLESS = 100  # lossy WebP halves chroma resolution at any quality: errors up to 150 levels at hard edges
_WEBP_LOSSLESS_EFFORT = 20  # of 100: the last 0.5 % of a photograph's size would take 1.6 times as long
_SAMPLED_ROWS = 8  # every eighth row is sampled
_FEW_COLOURS = 256
_AVIF_SPEED = 9  # nine times as fast as Pillow's 6, with a file a fifth larger
_FPNG_MAX_BYTES = 64 * 1024 * 1024  # of pixels; fpng is three times as fast as Pillow, but holds three copies
_PNG_HEADER = 33  # bytes of signature and IHDR


@dataclass(frozen=True)
class Marks:
    """The metadata of a file: an EXIF block, and the ICC profile of its pixels, empty for sRGB."""

    exif: bytes = b""
    profile: bytes = b""


def encode(canvas: Image.Image, image_format: str, quality: int | JpegCoding, marks: Marks) -> bytes:
    """The RGB or RGBA `canvas` as a file of `image_format`.

    For "jpeg" it must be RGB, and only there `quality` may be a `JpegCoding`. Raises `ImageTooLarge` if the
    picture exceeds the limits of the format.
    """
    if isinstance(quality, JpegCoding):
        return _jpeg(canvas, marks, qtables=quality.tables, subsampling=quality.subsampling)
    match image_format:
        case "jpeg":
            return _jpeg(canvas, marks, quality=quality, subsampling=0 if quality >= _FULL_CHROMA else 2)
        case "png":
            return _png(canvas, marks)
        case "webp":
            return _saved(canvas, "WEBP", **_webp_coding(canvas, quality, marks))
        case "avif":
            return _saved(canvas, "AVIF", **_avif_coding(quality, marks))
        case _:
            return encode_animation(iter([Frame(canvas)]), 1, 1, image_format, quality, marks)


def encode_animation(
    frames: Iterator[Frame], count: int, plays: int, image_format: str, quality: int, marks: Marks
) -> bytes:
    """`frames` of the same size and mode as a file of `image_format`: "gif", "apng", "webp" or "avif".

    It plays `plays` times, 0 for ever. Holds one frame at a time. Raises `ImageTooLarge` if the picture
    exceeds the limits of the format.
    """
    match image_format:
        case "gif":
            return gif.encoded(frames, plays)
        case "apng":
            return apng.encoded(frames, plays, partial(_png, marks=marks))
        case "webp":
            max_duration = min(_WEBP_MAX_DURATION, _WEBP_MAX_TOTAL // count)
            sequence = _FrameSequence(frames, count, max_duration)
            coding = _webp_coding(sequence, quality, marks)
            if coding["lossless"] and quality < _LOSSLESS:  # the first frame may be black, or a title
                coding |= {"allow_mixed": True, "quality": quality}
            return _saved(sequence, "WEBP", loop=min(plays, _WEBP_MAX_PLAYS), **coding)
        case _:
            sequence = _FrameSequence(frames, count, _AVIF_MAX_DURATION)
            # Chromium decodes a full-range sequence as limited range, with too much contrast.
            file = _saved(sequence, "AVIF", range="limited", **_avif_coding(quality, marks))
            return avif.with_plays(file, plays) if sequence.is_animated else file


class _FrameSequence(Image.Image):
    """Presents frames one at a time to Pillow's encoders.

    `durations` are those of the frames so far, in milliseconds, at most `max_duration` each.
    """

    def __init__(self, frames: Iterator[Frame], count: int, max_duration: int) -> None:
        super().__init__()
        self.n_frames = count
        self.is_animated = count > 1
        self.durations: list[int] = []
        self._frames = frames
        self._ticks = Ticks(_MILLISECOND)
        self._max_duration = max_duration
        self._show(next(frames))

    def seek(self, frame: int) -> None:
        if frame == len(self.durations):
            next_frame = next(self._frames, None)
            if next_frame is None:
                raise EOFError
            self._show(next_frame)

    def _show(self, frame: Frame) -> None:
        self.im, self._mode, self._size = frame.image.im, frame.image.mode, frame.image.size
        self.durations.append(min(self._max_duration, self._ticks.of(frame.seconds)))


def _jpeg(canvas: Image.Image, marks: Marks, **coding: object) -> bytes:
    return _saved(canvas, "JPEG", icc_profile=marks.profile or _SRGB, exif=marks.exif, **coding)


def _png(canvas: Image.Image, marks: Marks) -> bytes:
    if canvas.width * canvas.height * len(canvas.mode) > _FPNG_MAX_BYTES:
        file = _saved(canvas, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    else:
        file = fpng.from_pil(canvas)
    space = b"profile\0\0" + zlib.compress(marks.profile)
    more = [chunk(b"iCCP", space) if marks.profile else chunk(b"sRGB", b"\0")]
    if marks.exif:
        more.append(chunk(b"eXIf", marks.exif.removeprefix(b"Exif\0\0")))
    return b"".join((memoryview(file)[:_PNG_HEADER], *more, memoryview(file)[_PNG_HEADER:]))


def _webp_coding(canvas: Image.Image, quality: int, marks: Marks) -> dict[str, Any]:
    if max(canvas.size) > _WEBP_MAX_SIDE:
        allowed = f"a webp holds at most {_WEBP_MAX_SIDE} pixels on a side"
        advice = "choose another image_format or send a smaller picture"
        raise ImageTooLarge("base_image", f"{canvas.width} x {canvas.height}, {allowed}; {advice}")
    lossless = quality == _LOSSLESS or (quality >= _FULL_CHROMA and _has_few_colours(canvas))
    return {
        "lossless": lossless,
        "quality": _WEBP_LOSSLESS_EFFORT if lossless else quality,
        "method": _WEBP_METHOD,
        "icc_profile": marks.profile or _SRGB,
        "exif": marks.exif.removeprefix(b"Exif\0\0"),  # Pillow does not remove it in an animation
    }


def _has_few_colours(canvas: Image.Image) -> bool:
    """Whether it is graphics, for which a lossless WebP is also smaller."""
    sampled = (canvas.width, math.ceil(canvas.height / _SAMPLED_ROWS))
    return canvas.resize(sampled, Image.Resampling.NEAREST).getcolors(_FEW_COLOURS) is not None


def _avif_coding(quality: int, marks: Marks) -> dict[str, Any]:
    """libavif marks a picture without a profile as sRGB (nclx 1 / 13 / 6)."""
    return {
        "quality": quality,
        "speed": _AVIF_SPEED,
        "subsampling": "4:4:4" if quality >= _FULL_CHROMA else "4:2:0",
        "max_threads": 1,
        "icc_profile": marks.profile,
        "exif": marks.exif,
    }


def _saved(canvas: Image.Image, image_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    if isinstance(canvas, _FrameSequence):
        options |= {"save_all": True, "duration": canvas.durations}
    canvas.save(out, image_format, **options)
    return out.getvalue()


_SRGB = dated(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
