"""The test pictures: the samples in several sizes and formats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image, ImageChops

from jobs.pictures.inputs import sample_bytes

Kind = tuple[int, tuple[int, int], str]
"""Number of pictures, size in pixels, format."""

BASES: Sequence[Kind] = (  # together they exceed a worker's cache of decoded inputs
    (12, (600, 400), "JPEG"),
    (4, (600, 400), "PNG"),
    (4, (600, 400), "WEBP"),
    (8, (1200, 800), "JPEG"),
    (2, (1200, 800), "PNG"),
    (2, (1200, 800), "WEBP"),
    (4, (2400, 1600), "JPEG"),
)
OVERLAYS: Sequence[Kind] = ((1, (480, 480), "PNG"), (1, (240, 240), "PNG"), (1, (640, 640), "WEBP"))
MASKS: Sequence[Kind] = ((1, (1200, 800), "PNG"),)
SOURCES: Mapping[str, tuple[str, Sequence[Kind]]] = {
    "bases": ("cup.jpg", BASES),
    "overlays": ("logo.png", OVERLAYS),
    "masks": ("tshirt-mask.png", MASKS),
}
"""By role: the sample that the pictures are derived from, and their kinds."""
SAVE_OPTIONS: Mapping[str, Any] = {
    "JPEG": {"quality": 87},
    "PNG": {"compress_level": 3},
    "WEBP": {"quality": 80, "method": 1},
}
SHIFT = 7  # pixels; no two bases are the same


class Urls(NamedTuple):
    bases: Sequence[str]
    overlays: Sequence[str]
    masks: Sequence[str]


def place_pictures(place: Callable[[Mapping[str, bytes]], Sequence[str]]) -> Urls:
    """Place the pictures; `place` takes files by name and returns their URLs in the same order."""
    return Urls(**{role: place(rendered) for role, rendered in files().items()})


@cache
def files() -> Mapping[str, Mapping[str, bytes]]:
    return {role: dict(_render(role, *source)) for role, source in SOURCES.items()}


def _render(role: str, sample: str, kinds: Sequence[Kind]) -> Iterator[tuple[str, bytes]]:
    with Image.open(BytesIO(sample_bytes(sample) or b"")) as original:
        original.load()
    for count, size, image_format in kinds:
        resized = original.resize(size, Image.Resampling.BICUBIC)
        for number in range(count):
            out = BytesIO()
            ImageChops.offset(resized, SHIFT * number).save(out, image_format, **SAVE_OPTIONS[image_format])
            yield f"{role}-{size[0]}-{number}.{image_format.lower()}", out.getvalue()


def find(name: str) -> list[bytes]:
    """A list with the picture of this name, or an empty list."""
    return [rendered[name] for rendered in files().values() if name in rendered]
