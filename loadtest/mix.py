"""What the clients ask for, a mix of sizes, formats and parameters, and how they pause."""

import random
from collections.abc import Sequence
from typing import Any

Choice = Sequence[tuple[int, dict[str, Any]]]
"""Parameters, and how often in per cent they are drawn."""

ANSWERS: Choice = (
    (70, {"image_format": "jpeg"}),
    (20, {"image_format": "png"}),
    (10, {"image_format": "webp"}),
)
SIZES: Choice = (
    (50, {"scale_to": 0.25}),
    (30, {"scale_to": 0.5, "resize_method": "bilinear"}),
    (20, {"overlay_resize": "Fit", "resize_method": "area"}),
)
EXTRAS: Choice = ((70, {}), (10, {"opacity": 0.6}), (10, {"rotation": 30}), (10, {"blend_mode": "multiply"}))
THINK_S = (0, 0, 0.5, 1)
"""Between a picture and the next submit, one at random: half are programs that go on at once."""
GRAVITIES = ("northwest", "center", "southeast")


def body(bases: Sequence[str], overlays: Sequence[str]) -> dict[str, Any]:
    """One request's body, drawn at random; pictures are given by URL."""
    return {
        "base_image": random.choice(bases),
        "overlay_image": random.choice(overlays),
        "gravity": random.choice(GRAVITIES),
        **_drawn(ANSWERS),
        **_drawn(SIZES),
        **_drawn(EXTRAS),
    }


def _drawn(choice: Choice) -> dict[str, Any]:
    weights = [weight for weight, _ in choice]
    return random.choices(choice, weights)[0][1]
