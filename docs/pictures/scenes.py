"""Sheets of layers, colours and displacement, and of the words that `superimpose-v2` alone has."""

from collections.abc import Mapping, Sequence
from typing import Any

from docs.pictures.sheet import CLOTH, FOLDS, LOGO, PRINT, TSHIRT, Cell, Plain, Sheet, rainbow, words

V2 = "superimpose-v2"
WATERMARK = {"tile": True, "rescale_factor": 0.2, "opacity": 0.5}
PRINTED = {"scale_to": 0.333, "x_percent": 33.3, "y_percent": 26.5, "resize_method": "area"}
DYED = {"color": "#c02030", "mask": "x", "blend_mode": "multiply"}
CHEST = {"region": [0.35, 0.35, 0.3, 0.3]}
LAYERS: Sequence[tuple[str, Mapping[str, Any], Mapping[str, bytes]]] = (
    ("a colour", DYED, {"mask": CLOTH}),
    ("a print", {"overlay_image": "x", **PRINTED}, {"overlay_image": PRINT}),
    ("a watermark", {"overlay_image": "x", **WATERMARK, "opacity": 0.4}, {"overlay_image": LOGO}),
)
TURNED = {"rotation": 30, "rescale_factor": 0.33, "x_percent": 85, "y_percent": 80}


def stacked(count: int) -> Cell:
    """The first `count` layers on the T-shirt."""
    label, params = LAYERS[count - 1][0], {"overlays": [layer for _, layer, _ in LAYERS[:count]]}
    files = {
        f"overlays[{at}].{name}": data
        for at, (_, _, pictures) in enumerate(LAYERS[:count])
        for name, data in pictures.items()
    }
    return Cell(f"{label} on top", params, TSHIRT, None, more=files)


def of_scenes() -> dict[str, Sheet]:
    """Colours, layers and displacement."""
    return {
        "color": Sheet(
            4,
            180,
            [
                Plain("the mask", CLOTH),
                Cell("color and mask", {"color": "#c02030"}, TSHIRT, None, CLOTH),
                Cell("multiply, too", {"color": "#c02030", "blend_mode": "multiply"}, TSHIRT, None, CLOTH),
                Cell("color and region", {"color": "#c02030", **CHEST}, TSHIRT, None),
            ],
        ),
        "overlays": Sheet(
            4,
            180,
            [Plain("the base", TSHIRT), *[stacked(count + 1) for count in range(len(LAYERS))]],
        ),
        "displacement_map": Sheet(
            3,
            220,
            [
                Plain("the map", FOLDS),
                *[
                    Cell(
                        f"displacement_x and _y {by}",
                        {**PRINTED, "displacement_x": by, "displacement_y": by},
                        TSHIRT,
                        PRINT,
                        more={"displacement_map": FOLDS},
                        crop=(350, 280, 850, 780),
                    )
                    for by in (10, 40)
                ],
            ],
        ),
    }


def of_v2() -> dict[str, Sheet]:
    """The words that the second model alone has."""
    return {
        "mirror_v2": Sheet(
            3,
            180,
            [Cell(word, {**TURNED, "rotation": 0, "mirror": word}, model=V2) for word in words("mirror", V2)],
        ),
        "resize_method_v2": Sheet(
            3,
            220,
            [
                Cell(word, {**TURNED, "resize_method": word}, model=V2, crop=(470, 235, 525, 275), zoom=4)
                for word in words("resize_method", V2)
            ],
        ),
        "blend_mode_v2": Sheet(
            4,
            180,
            [
                Cell(word, {"blend_mode": word}, overlay=rainbow(), model=V2)
                for word in words("blend_mode", V2)
                if word not in words("blend_mode")
            ],
        ),
    }
