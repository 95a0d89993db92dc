"""Sheets of pictures side by side, what the compositor makes of the shipped samples."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from compositor import render
from compositor.models import DEFAULT_MODEL, MODELS
from jobs.pictures.inputs import sample_bytes

SAMPLES = ("cup.jpg", "logo.png", "tshirt.jpg", "tshirt-mask.png", "tshirt-displacement.png", "print.png")
CUP, LOGO, TSHIRT, CLOTH, FOLDS, PRINT = (sample_bytes(name) or b"" for name in SAMPLES)
GAP, LINE = 8, 22
FONT_SIZE = 14
WIDTHS = {2: 300, 3: 220, 4: 180, 5: 180}  # of a picture, by the number of columns
PAPER, INK, SQUARES = "white", "#222222", ("#ffffff", "#dddddd")

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Cell:
    """A picture rendered with `params`; of the output, `crop` of a `frame` is shown, enlarged by `zoom`."""

    label: str
    params: Mapping[str, Any] = field(default_factory=dict)
    base: bytes = CUP
    overlay: bytes | None = LOGO
    mask: bytes | None = None
    more: Mapping[str, bytes] = field(default_factory=dict)
    model: str = DEFAULT_MODEL
    crop: Box | None = None
    zoom: int = 1
    frame: int = 0

    def drawn(self, width: int) -> Image.Image:
        pictures = {"base_image": self.base, "overlay_image": self.overlay, "mask": self.mask}
        files = {name: data for name, data in pictures.items() if data} | self.more
        named = {name: "x" for name in files if "." not in name}
        params = MODELS[self.model](**{"image_format": "png", **named, **self.params})
        made = Image.open(io.BytesIO(render(params.scene(), files).data))
        made.seek(self.frame)
        return shown(made, self.crop, self.zoom, width)


@dataclass(frozen=True)
class Plain:
    """An input, shown as it is."""

    label: str
    data: bytes

    def drawn(self, width: int) -> Image.Image:
        return shown(Image.open(io.BytesIO(self.data)), None, 1, width)


@dataclass(frozen=True)
class Sheet:
    """Pictures side by side, a label under each."""

    columns: int
    cells: Sequence[Cell | Plain]
    width: int | None = None

    def drawn(self) -> Image.Image:
        width = self.width or WIDTHS[self.columns]
        pictures = [cell.drawn(width) for cell in self.cells]
        height = max(picture.height for picture in pictures)
        rows = -(-len(pictures) // self.columns)
        size = (self.columns * (width + GAP) + GAP, rows * (height + LINE + GAP) + GAP)
        sheet, font = Image.new("RGB", size, PAPER), ImageFont.load_default(FONT_SIZE)
        pen = ImageDraw.Draw(sheet)
        for at, (cell, picture) in enumerate(zip(self.cells, pictures, strict=True)):
            x = GAP + at % self.columns * (width + GAP)
            y = GAP + at // self.columns * (height + LINE + GAP)
            sheet.paste(picture, (x, y))
            pen.text((x, y + height + 3), cell.label, INK, font)
        return sheet


def shown(picture: Image.Image, crop: Box | None, zoom: int, width: int) -> Image.Image:
    """A part of a picture, `width` pixels wide, on squares where it is transparent."""
    part = picture.convert("RGBA").crop(crop or (0, 0, *picture.size))
    if zoom > 1:
        part = part.resize((part.width * zoom, part.height * zoom), Image.Resampling.NEAREST)
    part = part.resize((width, round(part.height * width / part.width)), Image.Resampling.BOX)
    under = squares(part.size)
    under.paste(part, mask=part)
    return under


def squares(size: tuple[int, int], side: int = 10) -> Image.Image:
    rows, columns = np.indices((size[1], size[0])) // side
    tones = np.array([[int(tone[1:3], 16)] * 3 for tone in SQUARES], np.uint8)
    return Image.fromarray(tones[(rows + columns) % 2])


def png(picture: Image.Image) -> bytes:
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


def words(parameter: str, model: str = DEFAULT_MODEL) -> tuple[Any, ...]:
    return get_args(MODELS[model].model_fields[parameter].annotation)


def by_word(
    parameter: str, params: Mapping[str, Any], model: str = DEFAULT_MODEL, **options: Any
) -> list[Cell]:
    """A cell for each word of the parameter; the options are those of `Cell`."""
    return [
        Cell(word, {**params, parameter: word}, model=model, **options) for word in words(parameter, model)
    ]
