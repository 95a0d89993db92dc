"""Artist and copyright, the only metadata of an input that an output may contain."""

from PIL import ExifTags, Image

from compositor.decoding.exif import exif
from compositor.errors import is_decoder_error

_KEPT = (ExifTags.Base.Artist, ExifTags.Base.Copyright)


def credits(image: Image.Image) -> bytes:
    """An EXIF block with artist and copyright of the loaded `image`; empty if it has neither."""
    kept = Image.Exif()
    try:
        tags = exif(image)
        for tag in _KEPT:
            if isinstance(text := tags.get(tag), str):
                kept[tag] = text.encode("latin-1")  # the file's own bytes, as Pillow read them
        return kept.tobytes() if len(kept) else b""
    except Exception as error:
        if not is_decoder_error(error):
            raise
        return b""
