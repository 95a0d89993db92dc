"""Reads a file's EXIF block alone; Pillow mixes in other metadata."""

from PIL import Image


def exif(image: Image.Image) -> Image.Exif:
    """The EXIF tags of the loaded `image`. `getexif` would add an orientation from XMP if EXIF has none."""
    if image.format == "TIFF":
        return image.getexif()  # a TIFF's own tags
    tags = Image.Exif()
    tags.load(image.info.get("exif", b""))
    return tags
