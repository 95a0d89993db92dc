"""Draws the sheets of docs/parameters.md, beside this file: what each parameter does to the shipped samples.

make docs-pictures
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from docs.pictures.sheet import (
    CLOTH,
    CUP,
    FOLDS,
    LOGO,
    PRINT,
    TSHIRT,
    Cell,
    Plain,
    Sheet,
    by_word,
    png,
    rainbow,
    words,
)

HERE = Path(__file__).parent
V2 = "superimpose-v2"
ON_CUP: Mapping[str, Any] = {"rescale_factor": 0.33, "x_offset": 430, "y_offset": 235}
CENTRED = {"gravity": "center"}
MARKED = {"scale_to": 0.4, "gravity": "southeast"}
WATERMARK = {"tile": True, "rescale_factor": 0.2, "opacity": 0.5}
PRINTED = {"scale_to": 0.333, "x_percent": 33.3, "y_percent": 26.5, "resize_method": "area"}
DYED = {"color": "#c02030", "mask": "x", "blend_mode": "multiply"}
MIRRORED = {"rescale_factor": 0.33, "x_percent": 85, "y_percent": 80}
RESIZED = {
    "Resize by rescale_factor": ({"rescale_factor": 0.5}, ": rescale_factor 0.5"),
    "Resize to width & heigth": ({"width": 400, "height": 120}, ": width 400, height 120"),
}
SIZES = (
    ("smaller", {**ON_CUP, "rescale_factor": 0.2}, (450, 250, 505, 290)),
    ("larger", {"rescale_factor": 6, "x_offset": -110, "y_offset": -2190}, (250, 150, 305, 190)),
)
CORNERS = (
    ("upright", [[0.3, 0.2], [0.7, 0.2], [0.7, 0.8], [0.3, 0.8]]),
    ("seen from the side", [[0.3, 0.2], [0.7, 0.35], [0.7, 0.7], [0.3, 0.8]]),
    ("lying", [[0.35, 0.4], [0.65, 0.4], [0.85, 0.8], [0.15, 0.8]]),
)
LAYERS = (
    ("a colour", DYED, {"mask": CLOTH}),
    ("a print", {"overlay_image": "x", **PRINTED}, {"overlay_image": PRINT}),
    ("a watermark", {"overlay_image": "x", **WATERMARK, "opacity": 0.4}, {"overlay_image": LOGO}),
)


def fading() -> bytes:
    """A mask: white on the left, black on the right."""
    return png(Image.fromarray(np.tile(np.linspace(255, 0, 360).astype(np.uint8), (240, 1))))


def panning() -> bytes:
    """An animated WebP: the cup in three parts."""
    cup = Image.open(io.BytesIO(CUP))
    parts = [cup.crop((left, 0, left + 400, 400)) for left in (0, 100, 200)]
    out = io.BytesIO()
    parts[0].save(out, "WEBP", save_all=True, append_images=parts[1:], duration=400, quality=90)
    return out.getvalue()


def stacked(count: int) -> Cell:
    """The first `count` layers on the T-shirt."""
    label, params = LAYERS[count - 1][0], {"overlays": [layer for _, layer, _ in LAYERS[:count]]}
    files = {
        f"overlays[{at}].{name}": data
        for at, (_, _, pictures) in enumerate(LAYERS[:count])
        for name, data in pictures.items()
    }
    return Cell(f"{label} on top", params, TSHIRT, None, more=files)


def sheets() -> dict[str, Sheet]:
    """The sheet in each file, by name."""
    return of_the_layer() | of_the_output() | of_scenes() | of_v2()


def of_the_layer() -> dict[str, Sheet]:
    mask, masked = fading(), {"scale_to": 0.6, **CENTRED}
    resized = [(word, *RESIZED.get(word, ({}, ""))) for word in words("overlay_resize")]
    cells = {
        "overlay_resize": [
            Cell(word + text, {"overlay_resize": word, **more}) for word, more, text in resized
        ],
        "resize_method": [
            Cell(f"{word}, {label}", {**params, "resize_method": word}, crop=crop, zoom=4)
            for label, params, crop in SIZES
            for word in words("resize_method")
        ],
        "gravity": by_word("gravity", {"scale_to": 0.25, "x_offset": 20, "y_offset": 20}),
        "scale_to": [Cell(f"scale_to {part}", {"scale_to": part, **CENTRED}) for part in (0.1, 0.25, 0.5)],
        "scale_of": by_word("scale_of", {"scale_to": 0.5, **CENTRED}),
        "region_fit": by_word("region_fit", {"region": [0.2, 0.35, 0.6, 0.3]}, overlay=rainbow()),
        "corners": [Cell(label, {"corners": corners}) for label, corners in CORNERS],
        "rotation": [
            Cell(f"rotation {turn}", {"scale_to": 0.4, **CENTRED, "rotation": turn})
            for turn in (0, 30, 90, 200)
        ],
        "flip": by_word("flip", ON_CUP),
        "opacity": [Cell(f"opacity {part}", {**ON_CUP, "opacity": part}) for part in (1, 0.6, 0.25)],
        "mask": [
            Plain("the mask", mask),
            Cell("without", masked),
            Cell("mask", masked, mask=mask),
            Cell("invert_mask", {**masked, "invert_mask": True}, mask=mask),
        ],
        "blend_mode": by_word("blend_mode", CENTRED, overlay=rainbow()),
        "tile": [
            Cell("tile", WATERMARK),
            Cell("tile_spacing 40", {**WATERMARK, "tile_spacing": 40}),
            Cell("rotation 30", {**WATERMARK, "tile_spacing": 10, "rotation": 30}),
        ],
    }
    columns = {
        "overlay_resize": 2,
        **dict.fromkeys(("scale_of", "rotation", "flip", "mask", "blend_mode"), 4),
    }
    return {name: Sheet(columns.get(name, 3), of_name) for name, of_name in cells.items()}


def of_the_output() -> dict[str, Sheet]:
    panned, marked = panning(), {"scale_to": 0.5, "gravity": "southeast"}
    kept = {**MARKED, "animation": "keep", "image_format": "webp"}
    backgrounds = (
        ("png", {}),
        ("jpeg", {"image_format": "jpeg"}),
        ("background #ffd54a", {"background": "#ffd54a"}),
    )
    return {
        "background": Sheet(
            3, [Cell(label, {**marked, **params}, base=LOGO) for label, params in backgrounds], 180
        ),
        "animation": Sheet(
            4,
            [
                Cell("first_frame", MARKED, base=panned),
                *[Cell(f"keep, frame {at + 1}", kept, base=panned, frame=at) for at in range(3)],
            ],
        ),
        "image_quality": Sheet(
            5,
            [
                Cell(
                    f"jpeg, {quality}",
                    {**ON_CUP, "image_format": "jpeg", "image_quality": quality},
                    crop=(430, 235, 520, 295),
                    zoom=2,
                )
                for quality in (95, 60, 20, 5, "keep")
            ],
        ),
    }


def of_scenes() -> dict[str, Sheet]:
    colours = [
        Plain("the mask", CLOTH),
        Cell("color and mask", {"color": "#c02030"}, TSHIRT, None, CLOTH),
        Cell("multiply, too", {"color": "#c02030", "blend_mode": "multiply"}, TSHIRT, None, CLOTH),
        Cell("color and region", {"color": "#c02030", "region": [0.35, 0.35, 0.3, 0.3]}, TSHIRT, None),
    ]
    moved = [
        Cell(
            f"displacement_x and _y {by}",
            {**PRINTED, "displacement_x": by, "displacement_y": by},
            TSHIRT,
            PRINT,
            more={"displacement_map": FOLDS},
            crop=(350, 280, 850, 780),
        )
        for by in (10, 40)
    ]
    return {
        "color": Sheet(4, colours),
        "overlays": Sheet(4, [Plain("the base", TSHIRT), *[stacked(count) for count in (1, 2, 3)]]),
        "displacement_map": Sheet(3, [Plain("the map", FOLDS), *moved]),
    }


def of_v2() -> dict[str, Sheet]:
    turned, crop = {**MIRRORED, "rotation": 30}, (470, 235, 525, 275)
    modes = by_word("blend_mode", {}, V2, overlay=rainbow())
    return {
        "mirror_v2": Sheet(3, by_word("mirror", MIRRORED, V2), 180),
        "resize_method_v2": Sheet(3, by_word("resize_method", turned, V2, crop=crop, zoom=4)),
        "blend_mode_v2": Sheet(4, [cell for cell in modes if cell.label not in words("blend_mode")]),
    }


def main() -> None:
    for name, sheet in sheets().items():
        sheet.drawn().save(HERE / f"{name}.jpg", quality=85, subsampling=0, optimize=True)


if __name__ == "__main__":
    main()
