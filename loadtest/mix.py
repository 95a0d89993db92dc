"""What the clients ask for, a mix of models, layers, sizes and formats, and how they pause."""

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from loadtest.pictures import Urls

Drawn = TypeVar("Drawn")
Choice = Sequence[tuple[int, Drawn]]
"""What may be drawn, and how often in per cent it is."""
Params = dict[str, Any]


class Request(NamedTuple):
    model: str
    body: Params


class Kind(NamedTuple):
    """What requests have in common; `layers` draws what is put on the base."""

    model: str
    layers: Callable[[Urls], Params]
    image_format: str


SIZES: Choice[Params] = (
    (50, {"scale_to": 0.25}),
    (30, {"scale_to": 0.5, "resize_method": "bilinear"}),
    (20, {"overlay_resize": "Fit", "resize_method": "area"}),
)
EXTRAS: Choice[Params] = (
    (70, {}),
    (10, {"opacity": 0.6}),
    (10, {"rotation": 30}),
    (10, {"blend_mode": "multiply"}),
)
GRAVITIES = ("northwest", "center", "southeast")
COLOURS = ("#c02030", "#205090", "#208040")
GARMENT = (0.2, 0.1, 0.6, 0.8)
PRINT_AREA = (0.35, 0.3, 0.3, 0.4)
SLANTED = ((0.3, 0.2), (0.7, 0.25), (0.68, 0.75), (0.32, 0.7))
THINK_S = (0, 0, 0.5, 1)
"""Between a picture and the next submit, one at random: half are programs that go on at once."""


def one_overlay(pictures: Urls) -> Params:
    return {
        "overlay_image": random.choice(pictures.overlays),
        "gravity": random.choice(GRAVITIES),
        **_drawn(SIZES),
        **_drawn(EXTRAS),
    }


def product(pictures: Urls) -> Params:
    """A garment dyed, a design on it, and a watermark."""
    where: Params = random.choice([{"mask": random.choice(pictures.masks)}, {"region": GARMENT}])
    design, watermark = ({"overlay_image": random.choice(pictures.overlays)} for _ in range(2))
    return {
        "overlays": [
            {"color": random.choice(COLOURS), "blend_mode": "multiply", **where},
            {**design, "region": PRINT_AREA, "resize_method": "area"},
            {**watermark, "scale_to": 0.1, "resize_method": "area", "opacity": 0.5, "gravity": "southeast"},
        ]
    }


def centred(pictures: Urls) -> Params:
    place = {f"{axis}_percent": random.randint(20, 80) for axis in "xy"}
    return {"overlay_image": random.choice(pictures.overlays), "rescale_factor": 0.5, "opacity": 90, **place}


def in_perspective(pictures: Urls) -> Params:
    return {"overlay_image": random.choice(pictures.overlays), "corners": SLANTED}


KINDS: Choice[Kind] = (
    (60, Kind("superimpose", one_overlay, "jpeg")),
    (15, Kind("superimpose", one_overlay, "png")),
    (10, Kind("superimpose", one_overlay, "webp")),
    (10, Kind("superimpose", product, "jpeg")),
    (3, Kind("superimpose-v2", centred, "jpeg")),
    (2, Kind("superimpose", in_perspective, "jpeg")),
)


def request(pictures: Urls) -> Request:
    """One request, drawn at random; pictures are given by URL."""
    return of_kind(_drawn(KINDS), pictures)


def of_kind(kind: Kind, pictures: Urls) -> Request:
    base = {"base_image": random.choice(pictures.bases)}
    return Request(kind.model, {**base, **kind.layers(pictures), "image_format": kind.image_format})


def _drawn(choice: Choice[Drawn]) -> Drawn:
    return random.choices([each for _, each in choice], [weight for weight, _ in choice])[0]
