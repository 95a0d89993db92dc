"""What contestants are asked for: the seed example, with inputs that are alike or all different."""

import itertools
from dataclasses import asdict, dataclass

from benchmarks.seed import PARAMS

COMPOSITOR, PILLOW = "compositor", "pillow"


@dataclass(frozen=True)
class Job:
    """One picture to make; `function` is which of the two the peers' workers call."""

    base_image: str
    overlay_image: str
    image_format: str
    function: str = COMPOSITOR

    def for_peer(self) -> dict[str, object]:
        return asdict(self)

    def for_service(self) -> dict[str, object]:
        body = self.for_peer() | PARAMS
        del body["function"]
        return body


@dataclass(frozen=True)
class Workload:
    """A kind of job; `bases` and `logos` say whether each job has its own."""

    name: str
    title: str
    image_format: str
    bases: bool = False
    logos: bool = False
    function: str = COMPOSITOR


_SEED = "The seed example to {}, the same compositor everywhere"
_ALL = "Inputs all different, to {}, plain Pillow in the peers' workers"
_ONE = "One base under a thousand logos, to {}, plain Pillow in the peers' workers"

SAME_FUNCTION = (
    Workload("seed-jpeg", _SEED.format("JPEG"), "jpeg"),
    Workload("seed-png", _SEED.format("PNG"), "png"),
)
PLAIN_PILLOW = (
    Workload("different-jpeg", _ALL.format("JPEG"), "jpeg", bases=True, logos=True, function=PILLOW),
    Workload("different-png", _ALL.format("PNG"), "png", bases=True, logos=True, function=PILLOW),
    Workload("one-base-jpeg", _ONE.format("JPEG"), "jpeg", logos=True, function=PILLOW),
    Workload("one-base-png", _ONE.format("PNG"), "png", logos=True, function=PILLOW),
)
SEED_JPEG, DIFFERENT_JPEG = SAME_FUNCTION[0], PLAIN_PILLOW[0]

_numbers = itertools.count(1)


def draw(workload: Workload, origin: str, count: int, delay_ms: int = 0) -> list[Job]:
    """Jobs whose inputs, where they differ, no cache has seen; each input comes after `delay_ms`."""
    return [
        Job(
            f"{origin}/base/{number if workload.bases else 0}?{delay_ms}",
            f"{origin}/logo/{number if workload.logos else 0}?{delay_ms}",
            workload.image_format,
            workload.function,
        )
        for number in itertools.islice(_numbers, count)
    ]
