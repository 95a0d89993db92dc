"""The test pictures: the samples in several sizes and formats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image, ImageChops

from jobs.pictures.inputs import sample_bytes

Kind = tuple[int, tuple[int, int], str]
"""How many, their size in pixels, their format."""

BASES: Sequence[Kind] = (  # together more than a worker's cache of decoded inputs holds
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
ROLES: Mapping[str, tuple[str, Sequence[Kind]]] = {
    "bases": ("cup.jpg", BASES),
    "overlays": ("logo.png", OVERLAYS),
    "masks": ("tshirt-mask.png", MASKS),
}
"""What the pictures are for, and the sample that they are made of."""
SAVED_WITH: Mapping[str, Any] = {
    "JPEG": {"quality": 87},
    "PNG": {"compress_level": 3},
    "WEBP": {"quality": 80, "method": 1},
}
SHIFT = 7  # pixels; no two bases are the same


class Urls(NamedTuple):
    bases: Sequence[str]
    overlays: Sequence[str]
    masks: Sequence[str]


def placed(place: Callable[[Mapping[str, bytes]], Sequence[str]]) -> Urls:
    """Have `place` put the pictures somewhere, by their names, and say where, in their order."""
    return Urls(**{role: place(made) for role, made in files().items()})


@cache
def files() -> Mapping[str, Mapping[str, bytes]]:
    return {role: dict(_made(role, *made_of)) for role, made_of in ROLES.items()}


def _made(role: str, sample: str, kinds: Sequence[Kind]) -> Iterator[tuple[str, bytes]]:
    with Image.open(BytesIO(sample_bytes(sample) or b"")) as original:
        original.load()
    for count, size, image_format in kinds:
        resized = original.resize(size, Image.Resampling.BICUBIC)
        for number in range(count):
            out = BytesIO()
            ImageChops.offset(resized, SHIFT * number).save(out, image_format, **SAVED_WITH[image_format])
            yield f"{role}-{size[0]}-{number}.{image_format.lower()}", out.getvalue()


def find(name: str) -> list[bytes]:
    """The picture of a name, or nothing."""
    return [made[name] for made in files().values() if name in made]
