"""The test pictures: the samples in several sizes and formats."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image, ImageChops

from benchmarks.seed import encode
from jobs.pictures.inputs import sample_bytes

KINDS = (  # role, sample, number of pictures, size in pixels, format
    ("bases", "cup.jpg", 12, (600, 400), "JPEG"),  # all bases exceed a worker's cache of decoded inputs
    ("bases", "cup.jpg", 4, (600, 400), "PNG"),
    ("bases", "cup.jpg", 4, (600, 400), "WEBP"),
    ("bases", "cup.jpg", 8, (1200, 800), "JPEG"),
    ("bases", "cup.jpg", 2, (1200, 800), "PNG"),
    ("bases", "cup.jpg", 2, (1200, 800), "WEBP"),
    ("bases", "cup.jpg", 4, (2400, 1600), "JPEG"),
    ("overlays", "logo.png", 1, (480, 480), "PNG"),
    ("overlays", "logo.png", 1, (240, 240), "PNG"),
    ("overlays", "logo.png", 1, (640, 640), "WEBP"),
    ("masks", "tshirt-mask.png", 1, (1200, 800), "PNG"),
)
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
    """The pictures by role and name."""
    rendered: dict[str, dict[str, bytes]] = {role: {} for role in Urls._fields}
    for role, sample, count, size, image_format in KINDS:
        with Image.open(BytesIO(sample_bytes(sample) or b"")) as original:
            resized = original.resize(size, Image.Resampling.BICUBIC)
        for number in range(count):
            picture = ImageChops.offset(resized, SHIFT * number)
            name = f"{role}-{size[0]}-{number}.{image_format.lower()}"
            rendered[role][name] = encode(picture, image_format, **SAVE_OPTIONS[image_format])
    return rendered


def find(name: str) -> list[bytes]:
    """A list with the picture of this name, or an empty list."""
    return [rendered[name] for rendered in files().values() if name in rendered]
