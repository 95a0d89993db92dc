"""The preview matches the compositor: equal sizes and positions, and similar pixels."""

import base64
import io
import json
import random
from typing import Any

import numpy as np
import pytest
from PIL import Image

from compositor import SuperimposeParams, superimpose
from compositor.layers.rotate import Turn

BASE, OVERLAY = (300, 200), (120, 90)

PLACED = """async (cases) => {  // as JSON, as Playwright converts arguments slowly
  const { placement } = await import("/assets/0/canvas/geometry.js");
  return JSON.parse(cases).map(([params, overlay, base]) => {
    const { size, turned, corner } = placement(params, overlay, base);
    return [size.width, size.height, turned.width, turned.height, corner.x, corner.y];
  });
}"""

DRAWN = """async ([files, cases]) => {
  const { previewer } = await import("/assets/0/canvas/preview.js");
  const { fromFile } = await import("/assets/0/pictures.js");
  const picture = (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return fromFile(new File([bytes], "picture.png"), Infinity);
  };
  const [base, overlay, mask] = await Promise.all(files.map(picture));
  const draw = previewer();
  const canvas = document.createElement("canvas");
  return cases.map(([params, masked]) => {
    const pictures = { ...(params.color ? {} : { overlay_image: overlay }), ...(masked ? { mask } : {}) };
    draw(canvas, base, [{ key: params, pictures, params }], params);
    return canvas.toDataURL("image/png").split(",")[1];
  });
}"""


def sized(size: tuple[int, int]) -> dict[str, int]:
    return {"width": size[0], "height": size[1]}


def any_params(chance: random.Random) -> dict[str, Any]:
    """Random parameters for size and position."""
    resize = chance.choice(["None", "Fit", "Resize by rescale_factor", "Resize to width & heigth"])
    chosen: dict[str, Any] = {
        "rotation": chance.choice([0, 90, 180, 270, 360, chance.randint(0, 360)]),
        "gravity": chance.choice(["northwest", "north", "center", "east", "southeast"]),
    }
    if chance.random() < 0.2:
        chosen["region"] = [chance.uniform(-0.5, 1) for _ in "xy"] + [chance.uniform(0.01, 1.5) for _ in "wh"]
        return chosen | {"region_fit": chance.choice(["contain", "cover", "stretch"])}
    if chance.random() < 0.3:
        chosen["scale_to"] = chance.uniform(0.01, 3)
        chosen["scale_of"] = chance.choice(["width", "height", "min", "max"])
    else:
        chosen |= {"overlay_resize": resize, "rescale_factor": round(chance.uniform(0.001, 4), 3)}
        chosen |= {"width": chance.randint(1, 900), "height": chance.randint(1, 900)}
    for axis in "xy":
        if chance.random() < 0.3:
            chosen[f"{axis}_percent"] = round(chance.uniform(-150, 150), 2)
        else:
            chosen[f"{axis}_offset"] = chance.randint(-500, 500)
    return chosen


def placed(params: SuperimposeParams, overlay: tuple[int, int], base: tuple[int, int]) -> list[int]:
    layer, (left, top, *area) = params.layer(), area_of(params, base)
    size = layer.sized(overlay, tuple(area))
    turned = Turn.of(size, params.rotation).after
    x, y = layer.place(turned, tuple(area))
    return [*size, *turned, left + x, top + y]


def area_of(params: SuperimposeParams, base: tuple[int, int]) -> list[int]:
    """Left, top, width and height in pixels."""
    left, top, width, height = params.region or (0, 0, 1, 1)
    near = [round(share * side) for share, side in zip((left, top), base, strict=True)]
    far = [round(share * side) for share, side in zip((left + width, top + height), base, strict=True)]
    return near + [max(1, end - start) for start, end in zip(near, far, strict=True)]


def test_sizes_and_positions_equal_the_compositors(visit):
    chance = random.Random(7)
    cases = []
    for _ in range(600):
        sides = [(chance.randint(1, 1500), chance.randint(1, 1500)) for _ in "ob"]
        cases.append((SuperimposeParams(**any_params(chance)), *sides))

    page = visit().page
    sent = [(params.model_dump(), sized(overlay), sized(base)) for params, overlay, base in cases]

    assert page.evaluate(PLACED, json.dumps(sent)) == [placed(*case) for case in cases]


def smooth(size: tuple[int, int], seed: int, opaque: bool) -> Image.Image:
    """A picture without hard edges; alpha is one, or between a half and one."""
    levels = np.random.default_rng(seed).integers(0, 256, (7, 7, 4), np.uint8)
    levels[..., 3] = 255 if opaque else levels[..., 3] // 2 + 128
    return Image.fromarray(levels).resize(size, Image.Resampling.BICUBIC)


def file(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


FILES = [file(smooth(BASE, 1, True)), file(smooth(OVERLAY, 2, False)), file(smooth((60, 60), 3, True))]
AT = {"x_offset": 40, "y_offset": 30, "image_format": "png"}
NOWHERE = {"x_offset": 0, "y_offset": 0}
CASES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "smaller": {"rescale_factor": 0.53},
    "larger": {"rescale_factor": 1.7, "x_offset": -40},
    "linear": {"rescale_factor": 1.7, "resize_method": "bilinear"},
    "area": {"rescale_factor": 0.5, "resize_method": "area"},
    "fit": {"overlay_resize": "Fit"},
    "to width and height": {"overlay_resize": "Resize to width & heigth", "width": 200, "height": 40},
    "to the base": {"scale_to": 0.5},
    "turned": {"rotation": 30},
    "a quarter": {"rotation": 90},
    "flipped": {"flip": "horizontal", "rotation": 180},
    "anchored": {"gravity": "southeast", "opacity": 0.4},
    "in the middle": {"gravity": "center"},
    "percent": {"x_offset": 0, "x_percent": 25, "y_offset": 0, "y_percent": -10},
    "masked": {"masked": True},
    "masked the other way": {"masked": True, "invert_mask": True, "flip": "vertical"},
    "multiply": {"blend_mode": "multiply", "opacity": 0.7},
    "luminosity": {"blend_mode": "luminosity", "rotation": 200},
    "tiles": {"tile": True, "tile_spacing": 12, "rescale_factor": 0.9, "rotation": 20},
    "half of it": {"rescale_factor": 0.5},
    "half of it, flipped": {"rescale_factor": 0.5, "flip": "both"},
    "in a region": {"region": [0.2, 0.1, 0.5, 0.6], "gravity": "north", **NOWHERE},
    "over a region": {"region": [-0.1, 0.3, 0.6, 0.5], "region_fit": "cover", "gravity": "west", **NOWHERE},
    "a colour": {"color": "#c02030", "blend_mode": "multiply", **NOWHERE},
    "a masked colour in a region": {
        "color": "#c02030",
        "region": [0.5, 0.2, 0.4, 0.9],
        "masked": True,
        **NOWHERE,
    },
    "warped": {"corners": [[0.1, 0.2], [0.9, 0.1], [0.7, 0.9], [0.2, 0.7]], **NOWHERE},
    "warped in a region": {
        "region": [0.2, 0.2, 0.6, 0.6],
        "corners": [[-0.2, 0], [1, 0.1], [0.9, 1.1], [0.1, 0.9]],
        "opacity": 0.6,
        "blend_mode": "multiply",
        "flip": "horizontal",
        **NOWHERE,
    },
    "many tiles": {"tile": True, "rescale_factor": 0.1, "x_offset": -7, "blend_mode": "screen"},
}


def pixels(data: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def cases() -> dict[str, tuple[SuperimposeParams, bool]]:
    split = {name: ({**AT, **case}, case.get("masked", False)) for name, case in CASES.items()}
    return {
        name: (SuperimposeParams(**{key: value for key, value in case.items() if key != "masked"}), masked)
        for name, (case, masked) in split.items()
    }


def test_the_preview_is_close_to_the_compositors_pixels(visit, cases):
    sent = [[params.model_dump(), masked] for params, masked in cases.values()]
    drawn = visit().page.evaluate(DRAWN, [[base64.b64encode(data).decode() for data in FILES], sent])

    apart = {}
    for (name, (params, masked)), preview in zip(cases.items(), drawn, strict=True):
        made = superimpose(FILES[0], FILES[1], params, FILES[2] if masked else None)
        levels = np.abs(pixels(base64.b64decode(preview)) - pixels(made.data))
        apart[name] = (round(levels.mean(), 2), int(np.percentile(levels, 99)))
    assert {name: levels for name, levels in apart.items() if levels[0] > 1 or levels[1] > 12} == {}
