"""What the clients ask for: a mix of sizes, formats and parameters."""

import random
from collections.abc import Sequence
from typing import Any

ANSWERS = {"jpeg": 70, "png": 20, "webp": 10}
"""Formats, in per cent."""

SIZES: Sequence[dict[str, Any]] = (
    {"scale_to": 0.25},
    {"scale_to": 0.5, "resize_method": "bilinear"},
    {"overlay_resize": "Fit", "resize_method": "area"},
)
EXTRAS: Sequence[dict[str, Any]] = (
    {},
    {},
    {},
    {"opacity": 0.6},
    {"rotation": 30},
    {"blend_mode": "multiply"},
)
GRAVITIES = ("northwest", "center", "southeast")


def body(bases: Sequence[str], overlays: Sequence[str]) -> dict[str, Any]:
    """One request's body, drawn at random; pictures are given by URL."""
    return {
        "base_image": random.choice(bases),
        "overlay_image": random.choice(overlays),
        "image_format": random.choices([*ANSWERS], [*ANSWERS.values()])[0],
        "gravity": random.choice(GRAVITIES),
        **random.choice(SIZES),
        **random.choice(EXTRAS),
    }
