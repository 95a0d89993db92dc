"""Pixels to the bytes of the answer, marked as sRGB."""

import io
import math
import zlib
from dataclasses import dataclass

import fpng
from PIL import Image, ImageCms

from compositor.decoding.colour.icc import dated
from compositor.decoding.png import chunk
from compositor.errors import ImageTooLarge
from compositor.jpeg_coding import JpegCoding

CONTENT_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "avif": "image/avif"}

_FULL_CHROMA = 90  # from this quality on colour is stored at full resolution
_WEBP_METHOD = 2  # twice as fast as Pillow's 4 on photographs, and no larger
_WEBP_MAX_SIDE = 16_383
_LOSSLESS = 100  # lossy WebP halves the resolution of colour at any quality, 150 levels off at hard edges
_WEBP_LOSSLESS_EFFORT = 20  # of 100: the last 0.5 % of a photograph's size would take 1.6 times as long
_ROWS_A_LOOK = 8  # one of so many is looked at
_FEW_COLOURS = 256
_AVIF_SPEED = 9  # nine times as fast as Pillow's 6 for a file a fifth larger
_FPNG_MAX_BYTES = 64 * 1024 * 1024  # of pixels; it is three times as fast as Pillow, and holds three copies
_PNG_HEADER = 33  # bytes of signature and IHDR


@dataclass(frozen=True)
class Marks:
    """What a file says beside its pixels: an EXIF block, and the ICC profile they are in; empty for sRGB."""

    exif: bytes = b""
    profile: bytes = b""


def encode(canvas: Image.Image, image_format: str, quality: int | JpegCoding, marks: Marks) -> bytes:
    """The RGB or RGBA `canvas` as a file of `image_format`, RGB for "jpeg", which alone may be coded alike.

    Raises `ImageTooLarge` where the format cannot hold the picture.
    """
    if isinstance(quality, JpegCoding):
        return _jpeg(canvas, marks, qtables=quality.tables, subsampling=quality.subsampling)
    match image_format:
        case "jpeg":
            return _jpeg(canvas, marks, quality=quality, subsampling=0 if quality >= _FULL_CHROMA else 2)
        case "png":
            return _png(canvas, marks)
        case "webp":
            return _webp(canvas, quality, marks)
        case _:
            return _avif(canvas, quality, marks)


def _jpeg(canvas: Image.Image, marks: Marks, **coding: object) -> bytes:
    return _saved(canvas, "JPEG", icc_profile=marks.profile or _SRGB, exif=marks.exif, **coding)


def _png(canvas: Image.Image, marks: Marks) -> bytes:
    if canvas.width * canvas.height * len(canvas.mode) > _FPNG_MAX_BYTES:
        file = _saved(canvas, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    else:
        file = fpng.from_pil(canvas)
    return b"".join((memoryview(file)[:_PNG_HEADER], _png_marks(marks), memoryview(file)[_PNG_HEADER:]))


def _png_marks(marks: Marks) -> bytes:
    """The chunks that say the colour space and the EXIF block (PNG specification, 11.3.2 and 11.3.4)."""
    named = b"profile\0\0" + zlib.compress(marks.profile)
    space = chunk(b"iCCP", named) if marks.profile else chunk(b"sRGB", b"\0")
    return space + (chunk(b"eXIf", marks.exif.removeprefix(b"Exif\0\0")) if marks.exif else b"")


def _webp(canvas: Image.Image, quality: int, marks: Marks) -> bytes:
    if max(canvas.size) > _WEBP_MAX_SIDE:
        raise ImageTooLarge(
            "base_image",
            f"{canvas.width} x {canvas.height}, a webp holds at most {_WEBP_MAX_SIDE} pixels on a side;"
            " choose another image_format or send a smaller picture",
        )
    lossless = quality == _LOSSLESS or (quality >= _FULL_CHROMA and _has_few_colours(canvas))
    return _saved(
        canvas,
        "WEBP",
        lossless=lossless,
        quality=_WEBP_LOSSLESS_EFFORT if lossless else quality,
        method=_WEBP_METHOD,
        icc_profile=marks.profile or _SRGB,
        exif=marks.exif,
    )


def _has_few_colours(canvas: Image.Image) -> bool:
    """Whether it is graphics: then the lossless WebP is also the smaller file."""
    some_rows = (canvas.width, math.ceil(canvas.height / _ROWS_A_LOOK))
    return canvas.resize(some_rows, Image.Resampling.NEAREST).getcolors(_FEW_COLOURS) is not None


def _avif(canvas: Image.Image, quality: int, marks: Marks) -> bytes:
    """libavif marks a picture without a profile as sRGB by itself (nclx 1 / 13 / 6)."""
    return _saved(
        canvas,
        "AVIF",
        quality=quality,
        speed=_AVIF_SPEED,
        subsampling="4:4:4" if quality >= _FULL_CHROMA else "4:2:0",
        max_threads=1,
        icc_profile=marks.profile,
        exif=marks.exif,
    )


def _saved(canvas: Image.Image, image_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    canvas.save(out, image_format, **options)
    return out.getvalue()


_SRGB = dated(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
