"""Draws the sheets of docs/parameters.md, beside this file: what each parameter does to the shipped samples.

make docs-pictures
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from docs.pictures.scenes import WATERMARK, of_scenes, of_v2
from docs.pictures.sheet import CUP, LOGO, Box, Cell, Plain, Sheet, png, rainbow, words

HERE = Path(__file__).parent
ON_CUP: Mapping[str, Any] = {"rescale_factor": 0.33, "x_offset": 430, "y_offset": 235}


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


RESIZED = {
    "Resize by rescale_factor": ({"rescale_factor": 0.5}, "rescale_factor 0.5"),
    "Resize to width & heigth": ({"width": 400, "height": 120}, "width 400, height 120"),
}
SIZES: Sequence[tuple[str, Mapping[str, Any], Box]] = (
    ("smaller", {**ON_CUP, "rescale_factor": 0.2}, (450, 250, 505, 290)),
    ("larger", {"rescale_factor": 6, "x_offset": -110, "y_offset": -2190}, (250, 150, 305, 190)),
)
RAINBOW, MASK, PANNING = rainbow(), fading(), panning()
MARKED = {"scale_to": 0.4, "gravity": "southeast"}
KEPT = {**MARKED, "animation": "keep", "image_format": "webp"}
CORNERS: Sequence[tuple[str, list[list[float]]]] = (
    ("upright", [[0.3, 0.2], [0.7, 0.2], [0.7, 0.8], [0.3, 0.8]]),
    ("seen from the side", [[0.3, 0.2], [0.7, 0.35], [0.7, 0.7], [0.3, 0.8]]),
    ("lying", [[0.35, 0.4], [0.65, 0.4], [0.85, 0.8], [0.15, 0.8]]),
)


def sheets() -> dict[str, Sheet]:
    """What stands in each file."""
    return of_superimpose() | of_scenes() | of_v2()


def of_superimpose() -> dict[str, Sheet]:
    """One overlay, and the answer."""
    return {
        "overlay_resize": Sheet(
            2,
            300,
            [
                Cell(": ".join([word, *more[1:]]), {"overlay_resize": word, **(more[0] if more else {})})
                for word in words("overlay_resize")
                for more in [RESIZED.get(word, ())]
            ],
        ),
        "resize_method": Sheet(
            3,
            220,
            [
                Cell(f"{word}, {label}", {**params, "resize_method": word}, crop=crop, zoom=4)
                for label, params, crop in SIZES
                for word in words("resize_method")
            ],
        ),
        "gravity": Sheet(
            3,
            220,
            [
                Cell(word, {"gravity": word, "scale_to": 0.25, "x_offset": 20, "y_offset": 20})
                for word in words("gravity")
            ],
        ),
        "scale_to": Sheet(
            3,
            220,
            [Cell(f"scale_to {part}", {"scale_to": part, "gravity": "center"}) for part in (0.1, 0.25, 0.5)],
        ),
        "scale_of": Sheet(
            4,
            180,
            [
                Cell(word, {"scale_to": 0.5, "scale_of": word, "gravity": "center"})
                for word in words("scale_of")
            ],
        ),
        "region_fit": Sheet(
            3,
            220,
            [
                Cell(word, {"region": [0.2, 0.35, 0.6, 0.3], "region_fit": word}, overlay=RAINBOW)
                for word in words("region_fit")
            ],
        ),
        "corners": Sheet(
            3,
            220,
            [Cell(label, {"corners": corners}) for label, corners in CORNERS],
        ),
        "rotation": Sheet(
            4,
            180,
            [
                Cell(f"rotation {turn}", {"scale_to": 0.4, "gravity": "center", "rotation": turn})
                for turn in (0, 30, 90, 200)
            ],
        ),
        "flip": Sheet(4, 180, [Cell(word, {**ON_CUP, "flip": word}) for word in words("flip")]),
        "opacity": Sheet(
            3, 220, [Cell(f"opacity {part}", {**ON_CUP, "opacity": part}) for part in (1, 0.6, 0.25)]
        ),
        "mask": Sheet(
            4,
            180,
            [
                Plain("the mask", MASK),
                Cell("without", {"scale_to": 0.6, "gravity": "center"}),
                Cell("mask", {"scale_to": 0.6, "gravity": "center"}, mask=MASK),
                Cell("invert_mask", {"scale_to": 0.6, "gravity": "center", "invert_mask": True}, mask=MASK),
            ],
        ),
        "blend_mode": Sheet(
            4,
            180,
            [
                Cell(word, {"blend_mode": word, "gravity": "center"}, overlay=RAINBOW)
                for word in words("blend_mode")
            ],
        ),
        "tile": Sheet(
            3,
            220,
            [
                Cell("tile", WATERMARK),
                Cell("tile_spacing 40", {**WATERMARK, "tile_spacing": 40}),
                Cell("rotation 30", {**WATERMARK, "tile_spacing": 10, "rotation": 30}),
            ],
        ),
        "background": Sheet(
            3,
            180,
            [
                Cell("png", {"scale_to": 0.5, "gravity": "southeast"}, base=LOGO),
                Cell("jpeg", {"scale_to": 0.5, "gravity": "southeast", "image_format": "jpeg"}, base=LOGO),
                Cell(
                    "background #ffd54a",
                    {"scale_to": 0.5, "gravity": "southeast", "background": "#ffd54a"},
                    base=LOGO,
                ),
            ],
        ),
        "animation": Sheet(
            4,
            180,
            [
                Cell("first_frame", MARKED, base=PANNING),
                *[Cell(f"keep, frame {at + 1}", KEPT, base=PANNING, frame=at) for at in range(3)],
            ],
        ),
        "image_quality": Sheet(
            5,
            180,
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


def main() -> None:
    """Write all."""
    for name, sheet in sheets().items():
        sheet.drawn().save(HERE / f"{name}.jpg", quality=85, subsampling=0, optimize=True)


if __name__ == "__main__":
    main()
