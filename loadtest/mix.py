"""The requests of the clients, a random mix of models, layers, sizes and formats, and their pauses."""

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from loadtest.pictures import Urls

Drawn = TypeVar("Drawn")
Choices = Sequence[tuple[int, Drawn]]
"""Values with their probability in per cent."""
Params = dict[str, Any]


SIZES: Choices[Params] = (
    (50, {"scale_to": 0.25}),
    (30, {"scale_to": 0.5, "resize_method": "bilinear"}),
    (20, {"overlay_resize": "Fit", "resize_method": "area"}),
)
EXTRAS: Choices[Params] = (
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
"""Pauses between a picture and the next submit, drawn at random; half of the time there is none."""


def one_overlay(pictures: Urls) -> Params:
    return {
        "overlay_image": random.choice(pictures.overlays),
        "gravity": random.choice(GRAVITIES),
        **_draw(SIZES),
        **_draw(EXTRAS),
    }


def product(pictures: Urls) -> Params:
    """A dyed garment, a design on it, and a watermark."""
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


KINDS: Choices[tuple[str, Callable[[Urls], Params], str]] = (  # model, draws its layers, format
    (60, ("superimpose", one_overlay, "jpeg")),
    (15, ("superimpose", one_overlay, "png")),
    (10, ("superimpose", one_overlay, "webp")),
    (10, ("superimpose", product, "jpeg")),
    (3, ("superimpose-v2", centred, "jpeg")),
    (2, ("superimpose", in_perspective, "jpeg")),
)


def request(pictures: Urls) -> tuple[str, Params]:
    """The model and the body of a random request."""
    model, layers, image_format = _draw(KINDS)
    return model, body(layers, image_format, pictures)


def body(layers: Callable[[Urls], Params], image_format: str, pictures: Urls) -> Params:
    return {"base_image": random.choice(pictures.bases), **layers(pictures), "image_format": image_format}


def _draw(choice: Choices[Drawn]) -> Drawn:
    return random.choices([each for _, each in choice], [weight for weight, _ in choice])[0]
