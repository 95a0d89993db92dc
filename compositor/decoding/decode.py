"""Bytes of strangers to pixels, within limits."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from importlib import import_module

from PIL import AvifImagePlugin, Image, WebPImagePlugin

from compositor.animation.first_frame import is_animated, on_canvas
from compositor.box import Box, Size, size_of, whole
from compositor.decoding.colour import keepable, to_srgb
from compositor.decoding.colour.stated import Stated, stated
from compositor.decoding.copyright import credits
from compositor.decoding.header import declared, kind
from compositor.decoding.identify import check_bytes, check_header, check_size, not_allowed
from compositor.decoding.jpeg_pixels import jpeg_pixels
from compositor.decoding.memory import check_memory
from compositor.decoding.mend import mended
from compositor.decoding.orientation import orientation, upright
from compositor.decoding.parts import check_parts
from compositor.decoding.png import deep_png, fast_png, may_be_turned, verified
from compositor.decoding.transparency import colour_key, keyed_alpha
from compositor.errors import ImageTooLarge, InvalidImage, is_decoders
from compositor.jpeg_coding import JpegCoding, coding_of
from compositor.limits import SAFE_FORMATS, Limits

# Registers them: `Image.open` would otherwise load every plugin it has to find these two.
_LOADED = (AvifImagePlugin, WebPImagePlugin)
Image.preinit()  # the others: an import that failed for want of memory would pass for a bad file

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # a thread per core takes 8 MB each and is no faster with one picture


class Colours(Enum):
    """What becomes of the colour space that a file states.

    `OWN` leaves pixels in an RGB space of their own, `RAW` takes levels that mean no colours as they are.
    """

    SRGB = auto()
    OWN = auto()
    RAW = auto()


@dataclass(frozen=True)
class Picture:
    """A decoded input: `image` is upright 8-bit sRGB, mode RGB or RGBA.

    `animated` tells that there are more frames, `credits` is an EXIF block of artist and copyright, or empty.
    `profile` is the ICC profile of the RGB space that the pixels were left in, empty for sRGB; `coding` that
    of a JPEG file, `orientation` the EXIF one that it was stored in. `inspected_as` holds the parameters as
    which it has passed an inspection.
    """

    image: Image.Image
    animated: bool
    credits: bytes
    profile: bytes = b""
    coding: JpegCoding | None = None
    orientation: int = 1
    inspected_as: set[str] = field(default_factory=set)

    @property
    def nbytes(self) -> int:
        """Memory held: Pillow keeps four bytes for a pixel of either mode."""
        return 4 * self.image.width * self.image.height


def decode(data: bytes, name: str, limits: Limits, colours: Colours = Colours.SRGB) -> Picture:
    """Decode the file `data` that came as parameter `name`.

    Raises `InvalidImage` or `ImageTooLarge`, and `MemoryError` before it decodes what memory would run short
    of. Lets pass whatever no decoder raises, such as a job's timeout sent into this thread.
    """
    check_bytes(data, name, limits)
    check_parts(data, name)
    header = declared(data)
    if header:
        check_header(header, name, limits)
        check_memory(header[:2], len(data))
    _load_decoders(limits)
    data = mended(data)
    with reading(data, name, limits):
        image = opened(data, limits)
    if header is None or header[:2] != image.size:
        check_size(image.size, name, limits)
        check_memory(image.size, len(data))
    with reading(data, name, limits):
        return _picture(image, data, colours)


def _load_decoders(limits: Limits) -> None:
    """Those beyond the safe ones; not while a file is opened, as an import that fails is not its fault."""
    if "HEIF" in limits.formats:
        import_module("pillow_heif").register_heif_opener(thumbnails=False)
    if not set(limits.formats) <= set(SAFE_FORMATS):
        Image.init()


def opened(data: bytes, limits: Limits) -> Image.Image:
    """The file `data` by Pillow, not loaded; of the formats allowed, and no larger."""
    with warnings.catch_warnings(), _bomb_limit(limits.max_pixels):
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(data), formats=limits.formats)


@contextmanager
def _bomb_limit(pixels: int) -> Iterator[None]:
    """Pillow's own limit, which also judges our crops, set to `pixels` for the while."""
    usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = usual


def _picture(image: Image.Image, data: bytes, colours: Colours) -> Picture:
    """The picture in the file `data`, opened as `image` but not loaded."""
    image.info.pop("xmp", None)  # Pillow would turn a TIFF by it
    animated = is_animated(image, data)
    profile, peak = Stated() if colours is Colours.RAW else stated(image, data)
    kept = profile if colours is Colours.OWN and keepable(image.mode, profile) else b""
    key, (canvas, frame) = colour_key(image), on_canvas(image, data)
    deep = deep_png(image, data)
    pixels = _loaded(image, data) if deep is None else deep
    colour = to_srgb(pixels, b"" if kept else profile, peak)
    if key is not None:
        colour.putalpha(keyed_alpha(pixels, key))
    if frame != whole(canvas):
        colour = _on_transparent(colour, frame, canvas)
    if image.format == "PNG" and not may_be_turned(data):  # asked for EXIF, Pillow would decode the pixels
        return Picture(_bare(colour), animated, b"", kept)
    turn = orientation(image)
    credit = credits(image)  # before `_bare` empties what it reads
    return Picture(_bare(upright(colour, turn)), animated, credit, kept, coding_of(image), turn)


def _on_transparent(image: Image.Image, frame: Box, canvas: Size) -> Image.Image:
    """`image`, or the part `frame` of it, in the box `frame` of a transparent `canvas`."""
    around = Image.new("RGBA", canvas)
    around.paste(image if image.size == size_of(frame) else image.crop(frame), frame)
    return around


def _loaded(image: Image.Image, data: bytes) -> Image.Image:
    fast = fast_png(image, data)
    if fast is not None:
        return fast
    verified(image, data)
    pixels = jpeg_pixels(image, data) or image
    pixels.load()
    return pixels


def _bare(image: Image.Image) -> Image.Image:
    """`image` without metadata, which Pillow's encoders would copy into the answer."""
    image.info = {}
    return image


@contextmanager
def reading(data: bytes, name: str, limits: Limits) -> Iterator[None]:
    """Decoders' errors at the file `data` to `InvalidImage` or `ImageTooLarge` of input `name`, no others."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ImageTooLarge(
            name, f"more than {limits.max_pixels / 1e6:.4g} MP, which is the most; send a smaller picture"
        ) from error
    except Exception as error:
        if not is_decoders(error):
            raise
        raise InvalidImage(name, _problem(data, limits)) from error


def _problem(data: bytes, limits: Limits) -> str:
    found = kind(data)
    if found in limits.formats:
        return f"{found} file, damaged or cut short; check that it opens elsewhere, then send it again"
    return not_allowed(found, limits)
