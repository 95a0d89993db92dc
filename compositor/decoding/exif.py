"""What is used of the EXIF block of an input: its orientation, and artist and copyright."""

from PIL import ExifTags, Image

from compositor.errors import is_decoder_error

_KEPT = (ExifTags.Base.Artist, ExifTags.Base.Copyright)
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation(image: Image.Image) -> int:
    """The EXIF orientation of `image`, 1 to 8; 1, upright, if it is missing or cannot be read."""
    try:
        value = exif(image).get(ExifTags.Base.Orientation, 1)
    except Exception as error:
        if not is_decoder_error(error):
            raise
        return 1
    return value if value in _UPRIGHT else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """`image`, which is stored with this EXIF `orientation`, upright."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


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


def exif(image: Image.Image) -> Image.Exif:
    """The EXIF tags of the loaded `image`. `getexif` would add an orientation from XMP if EXIF has none."""
    if image.format == "TIFF":
        return image.getexif()  # a TIFF's own tags
    tags = Image.Exif()
    tags.load(image.info.get("exif", b""))
    return tags
