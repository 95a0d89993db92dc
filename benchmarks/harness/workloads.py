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
        """The body of a submit to a peer."""
        return asdict(self)

    def for_service(self) -> dict[str, object]:
        """The body of a submit to the service."""
        return {
            "base_image": self.base_image,
            "overlay_image": self.overlay_image,
            "image_format": self.image_format,
            **PARAMS,
        }


@dataclass(frozen=True)
class Scenario:
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
    Scenario("seed-jpeg", _SEED.format("JPEG"), "jpeg"),
    Scenario("seed-png", _SEED.format("PNG"), "png"),
)
PLAIN_PILLOW = (
    Scenario("different-jpeg", _ALL.format("JPEG"), "jpeg", bases=True, logos=True, function=PILLOW),
    Scenario("different-png", _ALL.format("PNG"), "png", bases=True, logos=True, function=PILLOW),
    Scenario("one-base-jpeg", _ONE.format("JPEG"), "jpeg", logos=True, function=PILLOW),
    Scenario("one-base-png", _ONE.format("PNG"), "png", logos=True, function=PILLOW),
)
DIFFERENT_JPEG = PLAIN_PILLOW[0]

_numbers = itertools.count(1)


def draw(scenario: Scenario, origin: str, count: int, delay_ms: int = 0) -> list[Job]:
    """Jobs whose inputs, where they differ, nobody has seen before; each input comes after `delay_ms`."""
    return [_job(scenario, origin, number, delay_ms) for number in itertools.islice(_numbers, count)]


def _job(scenario: Scenario, origin: str, number: int, delay_ms: int) -> Job:
    base, logo = number if scenario.bases else 0, number if scenario.logos else 0
    return Job(
        f"{origin}/base/{base}?{delay_ms}",
        f"{origin}/logo/{logo}?{delay_ms}",
        scenario.image_format,
        scenario.function,
    )
