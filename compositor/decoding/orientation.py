"""Rotates photographs by their EXIF orientation."""

from PIL import ExifTags, Image

from compositor.decoding.exif import exif
from compositor.errors import is_decoder_error

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
