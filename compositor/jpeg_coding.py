"""The coding parameters of a JPEG file, to encode another one with them."""

from typing import NamedTuple

from PIL import Image, JpegImagePlugin


class JpegCoding(NamedTuple):
    """Quantisation tables of luminance and chrominance, 64 steps each, and Pillow's subsampling number."""

    tables: tuple[tuple[int, ...], ...]
    subsampling: int


def coding_of(image: Image.Image) -> JpegCoding | None:
    """The coding of a file opened as `image`; None if it is not a JPEG.

    Subsampling that Pillow cannot write, and that of a grey picture, becomes 4:4:4, which loses nothing.
    Steps above 255, which many decoders cannot read, become 255.
    """
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return None
    by_component = [image.quantization.get(table) for *_, table in image.layer]
    tables = [tuple(min(255, step) for step in table) for table in by_component if table]
    if not tables:
        return None
    chrominance = tables[1] if len(tables) > 2 else tables[0]
    return JpegCoding((tables[0], chrominance), max(0, JpegImagePlugin.get_sampling(image)))
