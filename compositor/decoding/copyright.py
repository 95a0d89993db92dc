"""The one part of an input's metadata that may travel into the answer: who made it."""

from PIL import ExifTags, Image

from compositor.decoding.exif import exif
from compositor.errors import is_decoders

_KEPT = (ExifTags.Base.Artist, ExifTags.Base.Copyright)


def credits(image: Image.Image) -> bytes:
    """An EXIF block of the artist and copyright of `image`, loaded; empty without either."""
    kept = Image.Exif()
    try:
        tags = exif(image)
        for tag in _KEPT:
            if isinstance(text := tags.get(tag), str):
                kept[tag] = text.encode("latin-1")  # the file's own bytes, as Pillow read them
        return kept.tobytes() if len(kept) else b""
    except Exception as error:
        if not is_decoders(error):
            raise
        return b""
