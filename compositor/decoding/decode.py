"""Decodes untrusted files within limits."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from importlib import import_module

from PIL import AvifImagePlugin, Image, WebPImagePlugin

from compositor.animation import gif
from compositor.decoding.checks import check_memory, check_parts
from compositor.decoding.colour import is_keepable, to_srgb
from compositor.decoding.colour.space import ColourSpace, colour_space
from compositor.decoding.exif import credits, orientation, upright
from compositor.decoding.identify import check_bytes, check_header, check_size, declared, kind, problem
from compositor.decoding.jpeg_pixels import JpegCoding, coding_of, jpeg_pixels
from compositor.decoding.png import deep_png, fast_png, has_exif, verified
from compositor.decoding.repair import repaired
from compositor.decoding.transparency import colour_key, keyed_alpha, on_canvas, on_transparent
from compositor.errors import ImageTooLarge, InvalidImage, is_decoder_error, megapixels
from compositor.files import SAFE_FORMATS, Limits
from compositor.geometry import whole

# Importing registers them; otherwise `Image.open` would load all plugins to find these two.
_LOADED = (AvifImagePlugin, WebPImagePlugin)
Image.preinit()  # the others: a later import that fails for lack of memory would look like a bad file

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # more threads take 8 MB each and are not faster for one picture


class Colours(Enum):
    """How the colours of a file are converted.

    `OWN` keeps the pixels in the file's RGB space; `RAW` does not convert, for levels that are not colours.
    """

    SRGB = auto()
    OWN = auto()
    RAW = auto()


@dataclass(frozen=True)
class Picture:
    """A decoded input: `image` is upright 8-bit sRGB, mode RGB or RGBA.

    `animated`: the file has more frames. `credits`: an EXIF block of artist and copyright, or empty.
    `profile`: the ICC profile of the RGB space that the pixels were kept in, empty for sRGB. `coding`: of a
    JPEG file. `orientation`: the EXIF orientation of the file. `inspected_as`: names of the parameters under
    which the picture has passed inspection.
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
        """Memory used: Pillow stores four bytes per pixel in both modes."""
        return 4 * self.image.width * self.image.height


def decode(data: bytes, name: str, limits: Limits, colours: Colours = Colours.SRGB) -> Picture:
    """Decode the file `data` of parameter `name`.

    Raises `InvalidImage` or `ImageTooLarge`, and `MemoryError` before it decodes a file that needs too much
    memory. Exceptions that no decoder raises pass, such as a job's timeout sent into this thread.
    """
    check_bytes(data, name, limits)
    check_parts(data, name)
    header = declared(data)
    if header:
        check_header(header, name, limits)
        check_memory(header[:2], len(data))
    _load_decoders(limits)
    data = repaired(data)
    with reading(data, name, limits):
        image = opened(data, limits)
    if header is None or header[:2] != image.size:
        check_size(image.size, name, limits)
        check_memory(image.size, len(data))
    with reading(data, name, limits):
        return _picture(image, data, colours)


def _load_decoders(limits: Limits) -> None:
    """Load the decoders of other than the safe formats, outside the block that blames errors on the file."""
    if "HEIF" in limits.formats:
        import_module("pillow_heif").register_heif_opener(thumbnails=False)
    if not set(limits.formats) <= set(SAFE_FORMATS):
        Image.init()


def opened(data: bytes, limits: Limits) -> Image.Image:
    """Open the file `data` with Pillow without loading it, if its format and size are allowed."""
    with warnings.catch_warnings(), _bomb_limit(limits.max_pixels):
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(data), formats=limits.formats)


@contextmanager
def _bomb_limit(pixels: int) -> Iterator[None]:
    """Set Pillow's limit to `pixels` inside the block only, because it also applies to our crops."""
    previous, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = previous


def _picture(image: Image.Image, data: bytes, colours: Colours) -> Picture:
    image.info.pop("xmp", None)  # Pillow would rotate a TIFF accordingly
    animated = _is_animated(image, data)
    profile, peak = ColourSpace() if colours is Colours.RAW else colour_space(image, data)
    kept = profile if colours is Colours.OWN and is_keepable(image.mode, profile) else b""
    key, (canvas, frame) = colour_key(image), on_canvas(image, data)
    deep = deep_png(image, data)
    pixels = _loaded(image, data) if deep is None else deep
    colour = to_srgb(pixels, b"" if kept else profile, peak)
    if key is not None:
        colour.putalpha(keyed_alpha(pixels, key))
    if frame != whole(canvas):
        colour = on_transparent(colour, frame, canvas)
    turn, credit, coding = 1, b"", None
    if image.format != "PNG" or has_exif(data):  # otherwise `orientation` would have Pillow decode the pixels
        turn, credit, coding = orientation(image), credits(image), coding_of(image)
    colour = upright(colour, turn)
    colour.info = {}  # Pillow's encoders would copy the metadata into the output
    return Picture(colour, animated, credit, kept, coding, turn)


def _is_animated(image: Image.Image, data: bytes) -> bool:
    """Whether `image` is the first of several frames. The pictures of a multi-picture JPEG are not frames."""
    if image.format == "GIF":
        return gif.is_animated(data)
    return image.format in ("PNG", "WEBP", "AVIF") and bool(getattr(image, "is_animated", False))


def _loaded(image: Image.Image, data: bytes) -> Image.Image:
    fast = fast_png(image, data)
    if fast is not None:
        return fast
    verified(image, data)
    pixels = jpeg_pixels(image, data) or image
    pixels.load()
    return pixels


@contextmanager
def reading(data: bytes, name: str, limits: Limits) -> Iterator[None]:
    """Raise a decoder's errors about the file `data` as `InvalidImage` or `ImageTooLarge` of input `name`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        text = f"more than {megapixels(limits.max_pixels)}, the maximum; send a smaller picture"
        raise ImageTooLarge(name, text) from error
    except Exception as error:
        if not is_decoder_error(error):
            raise
        raise InvalidImage(name, problem(kind(data), limits)) from error
