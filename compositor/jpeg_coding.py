"""How a JPEG file codes its pixels, to code others alike."""

from typing import NamedTuple

from PIL import Image, JpegImagePlugin


class JpegCoding(NamedTuple):
    """Quantisation tables of luminance and chrominance, 64 steps each; Pillow's number for subsampling."""

    tables: tuple[tuple[int, ...], ...]
    subsampling: int


def coding_of(image: Image.Image) -> JpegCoding | None:
    """That of a file opened as `image`; None where it is no JPEG.

    Subsampling that Pillow cannot write, or that of a grey picture, is read as none, which loses nothing, and
    steps beyond a byte, which many decoders cannot read, as 255.
    """
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return None
    by_component = [image.quantization.get(table) for *_, table in image.layer]
    tables = [tuple(min(255, step) for step in table) for table in by_component if table]
    if not tables:
        return None
    chrominance = tables[1] if len(tables) > 2 else tables[0]
    return JpegCoding((tables[0], chrominance), max(0, JpegImagePlugin.get_sampling(image)))
