"""What contestants are asked for: the seed example, with inputs that are alike or all different."""

import itertools
from typing import NamedTuple

from benchmarks import seed

COMPOSITOR, PILLOW = "compositor", "pillow"


class Job(NamedTuple):
    """One picture to make; `function` is which of the two the peers' workers call."""

    base_image: str
    overlay_image: str
    image_format: str
    function: str


class Workload(NamedTuple):
    """A kind of job, as `title` in tables; `bases` and `logos` say whether each job has its own."""

    name: str
    title: str
    image_format: str
    function: str
    bases: bool
    logos: bool


def _to_both(
    name: str, title: str, function: str, *, bases: bool = False, logos: bool = False
) -> list[Workload]:
    return [
        Workload(f"{name}-{each}", title.format(each.upper()), each, function, bases, logos)
        for each in ("jpeg", "png")
    ]


SAME_FUNCTION = _to_both("seed", "seed, {}", COMPOSITOR)
PLAIN_PILLOW = [
    *_to_both("different", "all new, {}", PILLOW, bases=True, logos=True),
    *_to_both("one-base", "logos, {}", PILLOW, logos=True),
]
SEED_JPEG, DIFFERENT_JPEG = SAME_FUNCTION[0], PLAIN_PILLOW[0]

_numbers = itertools.count(1)


def draw(workload: Workload, origin: str, count: int, delay_ms: int = 0) -> list[Job]:
    """Jobs whose inputs, where they differ, no cache has seen; each input comes after `delay_ms`.

    `origin` is the URL of a server of `seed_file`.
    """
    return [
        Job(
            f"{origin}/base-{number if workload.bases else 0}.jpeg?{delay_ms}",
            f"{origin}/logo-{number if workload.logos else 0}.png?{delay_ms}",
            workload.image_format,
            workload.function,
        )
        for number in itertools.islice(_numbers, count)
    ]


def seed_file(name: str) -> list[bytes]:
    """The seed's base or overlay and a number after its end: full work for decoders, unknown to any cache."""
    kind, _, number = name.partition(".")[0].partition("-")
    return [seed.base_jpeg() if kind == "base" else seed.overlay_png(), number.encode()]
