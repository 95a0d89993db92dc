"""Draws the sheets of docs/parameters.md, beside this file: what each parameter does to the shipped samples.

make docs-pictures
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from compositor import SuperimposeParams, superimpose
from jobs.pictures.inputs import sample_bytes

HERE = Path(__file__).parent
CUP, LOGO = sample_bytes("cup.jpg") or b"", sample_bytes("logo.png") or b""
ON_CUP: Mapping[str, Any] = {"rescale_factor": 0.33, "x_offset": 430, "y_offset": 235}

GAP, LINE = 8, 22
FONT_SIZE = 14
PAPER, INK, SQUARES = "white", "#222222", ("#ffffff", "#dddddd")

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Cell:
    """One picture of a sheet: what is asked for, of which pictures, and what of the answer is shown."""

    label: str
    params: Mapping[str, Any] = field(default_factory=dict)
    base: bytes = CUP
    overlay: bytes = LOGO
    mask: bytes | None = None
    crop: Box | None = None
    zoom: int = 1
    frame: int = 0

    def drawn(self, width: int) -> Image.Image:
        """The answer, `width` pixels wide; what is transparent on squares."""
        params = SuperimposeParams(**{"image_format": "png", **self.params})
        made = Image.open(io.BytesIO(superimpose(self.base, self.overlay, params, self.mask).data))
        made.seek(self.frame)
        return shown(made, self.crop, self.zoom, width)


@dataclass(frozen=True)
class Plain:
    """A picture of a sheet that is an input."""

    label: str
    data: bytes

    def drawn(self, width: int) -> Image.Image:
        """It, `width` pixels wide."""
        return shown(Image.open(io.BytesIO(self.data)), None, 1, width)


@dataclass(frozen=True)
class Sheet:
    """Pictures side by side."""

    columns: int
    width: int
    cells: Sequence[Cell | Plain]

    def drawn(self) -> Image.Image:
        """The sheet, a label under each picture."""
        pictures = [cell.drawn(self.width) for cell in self.cells]
        height = max(picture.height for picture in pictures)
        rows = -(-len(pictures) // self.columns)
        size = (self.columns * (self.width + GAP) + GAP, rows * (height + LINE + GAP) + GAP)
        sheet, font = Image.new("RGB", size, PAPER), ImageFont.load_default(FONT_SIZE)
        pen = ImageDraw.Draw(sheet)
        for at, (cell, picture) in enumerate(zip(self.cells, pictures, strict=True)):
            x = GAP + at % self.columns * (self.width + GAP)
            y = GAP + at // self.columns * (height + LINE + GAP)
            sheet.paste(picture, (x, y))
            pen.text((x, y + height + 3), cell.label, INK, font)
        return sheet


def shown(picture: Image.Image, crop: Box | None, zoom: int, width: int) -> Image.Image:
    """A part of a picture, enlarged without smoothing or made smaller, on squares."""
    part = picture.convert("RGBA").crop(crop or (0, 0, *picture.size))
    if zoom > 1:
        part = part.resize((part.width * zoom, part.height * zoom), Image.Resampling.NEAREST)
    part = part.resize((width, round(part.height * width / part.width)), Image.Resampling.BOX)
    under = squares(part.size)
    under.paste(part, mask=part)
    return under


def squares(size: tuple[int, int], side: int = 10) -> Image.Image:
    """What stands for transparent."""
    rows, columns = np.indices((size[1], size[0])) // side
    tones = np.array([[int(tone[1:3], 16)] * 3 for tone in SQUARES], np.uint8)
    return Image.fromarray(tones[(rows + columns) % 2])


def png(picture: Image.Image) -> bytes:
    """As a file."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def rainbow() -> bytes:
    """All hues from left to right, white above and black below, opaque in the middle and gone at the edge."""
    y, x = np.mgrid[0:240, 0:360].astype(float)
    up = np.clip(y / 120, 0, 1), np.clip(2 - y / 120, 0, 1)
    hsv = np.stack([x / 360 * 255, up[0] * 255, up[1] * 255], -1).astype(np.uint8)
    away = np.hypot((x - 180) / 180, (y - 120) / 120)
    picture = Image.fromarray(hsv, "HSV").convert("RGB")
    picture.putalpha(Image.fromarray((np.clip(5 - 5 * away, 0, 1) * 255).astype(np.uint8)))
    return png(picture)


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


def words(parameter: str) -> tuple[Any, ...]:
    """What the parameter may be."""
    return get_args(SuperimposeParams.model_fields[parameter].annotation)


RESIZED = {
    "Resize by rescale_factor": ({"rescale_factor": 0.5}, "rescale_factor 0.5"),
    "Resize to width & heigth": ({"width": 400, "height": 120}, "width 400, height 120"),
}
SIZES: Sequence[tuple[str, Mapping[str, Any], Box]] = (
    ("smaller", {**ON_CUP, "rescale_factor": 0.2}, (450, 250, 505, 290)),
    ("larger", {"rescale_factor": 6, "x_offset": -110, "y_offset": -2190}, (250, 150, 305, 190)),
)
WATERMARK = {"tile": True, "rescale_factor": 0.2, "opacity": 0.5}
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
            4,
            180,
            [
                Cell(
                    f"jpeg, {quality}",
                    {**ON_CUP, "image_format": "jpeg", "image_quality": quality},
                    crop=(430, 235, 520, 295),
                    zoom=2,
                )
                for quality in (95, 60, 20, 5)
            ],
        ),
    }


def main() -> None:
    """Write all."""
    for name, sheet in sheets().items():
        sheet.drawn().save(HERE / f"{name}.jpg", quality=85, subsampling=0, optimize=True)


if __name__ == "__main__":
    main()
