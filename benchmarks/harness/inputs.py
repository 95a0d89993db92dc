"""The jobs of the contestants: the seed example, with the same or different inputs."""

import itertools
from typing import NamedTuple

from benchmarks import seed

COMPOSITOR, PILLOW = "compositor", "pillow"


class Job(NamedTuple):
    """A picture to render; the peers' workers call `function`, the compositor or plain Pillow."""

    base_image: str
    overlay_image: str
    image_format: str
    function: str


class Workload(NamedTuple):
    """A kind of job; `title` is its name in tables, `bases` and `logos` whether each job has its own."""

    name: str
    title: str
    image_format: str
    function: str
    bases: bool
    logos: bool


def _both_formats(
    name: str, title: str, function: str, *, bases: bool = False, logos: bool = False
) -> list[Workload]:
    return [
        Workload(f"{name}-{each}", title.format(each.upper()), each, function, bases, logos)
        for each in ("jpeg", "png")
    ]


SAME_FUNCTION = _both_formats("seed", "seed, {}", COMPOSITOR)
PLAIN_PILLOW = [
    *_both_formats("different", "all new, {}", PILLOW, bases=True, logos=True),
    *_both_formats("one-base", "logos, {}", PILLOW, logos=True),
]
SEED_JPEG, DIFFERENT_JPEG = SAME_FUNCTION[0], PLAIN_PILLOW[0]

_numbers = itertools.count(1)


def new_jobs(workload: Workload, origin: str, count: int, delay_ms: int = 0) -> list[Job]:
    """Jobs with inputs that no cache has seen, if the workload has different ones.

    `origin` is the URL of a server of `seed_file`, which delays each input by `delay_ms`.
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
    """The seed's base or overlay with a number appended: the same picture, but new to any cache."""
    kind, _, number = name.partition(".")[0].partition("-")
    return [seed.base_jpeg() if kind == "base" else seed.overlay_png(), number.encode()]
