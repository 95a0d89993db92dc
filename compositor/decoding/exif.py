"""What a file's EXIF block says, without what Pillow mixes in from other metadata."""

from PIL import Image


def exif(image: Image.Image) -> Image.Exif:
    """The EXIF tags of `image`, loaded. `getexif` would take an orientation from XMP where EXIF has none."""
    if image.format == "TIFF":
        return image.getexif()  # its own tags
    tags = Image.Exif()
    tags.load(image.info.get("exif", b""))
    return tags
