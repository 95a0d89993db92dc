"""Random scenes of both models against the float64 model of the documentation in float64.py.

Each layer is compared on the actual result of the previous ones, so that tolerances do not add up. The
output must be within a level of the formulas, and equal the base where a layer is invisible.
"""

import random
from typing import Any

import numpy as np
import pytest

from compositor import render
from compositor.models import MODELS
from tests.compositor import float64
from tests.compositor.float64 import CSS, Layer, Levels
from tests.compositor.pictures import pixels, png

SEEDS, SCENES = 15, 100
PLACES = ["northwest", "north", "northeast", "west", "center", "east", "southwest", "south", "southeast"]
SIDES = ["width", "height", "min", "max"]
COLORS = ["#c02030", "#fff", "#000", "#808080", "#0f8"]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_scenes_equal_the_documented_formulas(seed):
    chance = random.Random(seed)
    for number in range(SCENES):
        model = chance.choice([*MODELS])
        base = _picture(chance, [3, 4])
        layers = [_layer(chance, model, base.shape[1::-1]) for _ in range(chance.randint(1, 5))]
        answer = base
        for layer in layers:
            below, answer = answer, _answer(answer, [layer])
            fault = _fault(below, layer, answer)
            assert not fault, f"seed {seed}, scene {number}: {fault}\n{_told(below, layer)}"
        if model == "superimpose" and len(layers) > 1:
            assert (_answer(base, layers) == answer).all(), f"seed {seed}, scene {number}: not as in a chain"
        if number % 5 == 0:
            background = chance.choice(COLORS)
            flat = _answer(below, [layer], background=background)
            assert np.abs(flat[..., :3] - float64.flattened(answer, background)).max() <= 1


def _fault(below: Levels, layer: Layer, answer: Levels) -> str:
    low, high = float64.put(below, layer)
    if answer.shape != below.shape:
        return f"{answer.shape} from {below.shape}"
    answer = float64.rgba(answer)
    off = np.maximum(low - answer, answer - high)
    off[answer[..., 3] == 0, :3] = 0
    worst = np.unravel_index(off.argmax(), off.shape)
    y, x, _ = worst
    if off[worst] <= 1:
        return ""
    return f"{answer[y, x]} at {x}, {y}, expected {low[y, x]} to {high[y, x]} on {below[y, x]}"


def _told(below: Levels, layer: Layer) -> str:
    shapes = {name: None if each is None else each.shape for name, each in
              (("base", below), ("overlay", layer.overlay), ("mask", layer.mask))}  # fmt: skip
    return f"{layer.model} {layer.params} {shapes}"


def _answer(base: Levels, layers: list[Layer], **params: Any) -> Levels:
    """The compositor's output with one layer of `superimpose-v2` or several of `superimpose`."""
    files, given = {"base_image": png(base)}, []
    for index, layer in enumerate(layers):
        path = f"overlays[{index}]." if layer.model == "superimpose" else ""
        named = {"overlay_image": layer.overlay, "mask": layer.mask}
        named = {name: each for name, each in named.items() if each is not None}
        files |= {path + name: png(each) for name, each in named.items()}
        given.append(layer.params | dict.fromkeys(named, "x"))
    model = layers[0].model
    one = {"overlays": given} if model == "superimpose" else given[0]
    scene = MODELS[model](base_image="x", image_format="png", **one, **params).scene()
    return pixels(render(scene, files).data).astype(np.uint8)


def _picture(chance: random.Random, bands: list[int], least: int = 8, size: Any = None) -> Levels:
    """Noise, or a few flat levels, with many pixels at the ends of the scale."""
    width, height = size or (chance.randint(least, 24), chance.randint(least, 24))
    count = chance.choice(bands)
    noise = np.random.default_rng(chance.getrandbits(32))
    levels = noise.integers(0, 256, (height, width, count))
    if chance.random() < 0.5:
        levels = (levels - 128) * 2 + 128
    if chance.random() < 0.2:
        levels = levels // 64 * 85
    levels = levels.clip(0, 255).astype(np.uint8)
    return levels[..., 0] if count == 1 else levels


def _layer(chance: random.Random, model: str, base: tuple[int, int]) -> Layer:
    overlay = _picture(chance, [1, 2, 3, 4], 2)
    params = (_of_superimpose if model == "superimpose" else _of_v2)(chance, base, overlay.shape[1::-1])
    layer = Layer(model, params, None if "color" in params else overlay)
    if layer.overlay is not None and not _is_defined(layer, base):
        params["resize_method"] = "bilinear"
    if chance.random() < 0.4:
        size = None
        if chance.random() < 0.7:
            size = float64.sized(layer, (1, 1) if "color" in params else overlay.shape[1::-1], base)
        layer = Layer(model, params, layer.overlay, _picture(chance, [1, 2, 3, 4], 2, size))
        if chance.random() < 0.4:
            params["invert_mask"] = True
    return layer


def _is_defined(layer: Layer, base: tuple[int, int]) -> bool:
    """Whether the resize rule is exact, without fractions of pixels or ties between two of them."""
    assert layer.overlay is not None
    own = layer.overlay.shape[1::-1]
    sides = [*zip(own, float64.sized(layer, own, base), strict=True)]
    match layer["resize_method"]:
        case "area":
            return all(old % new == 0 for old, new in sides)
        case "nearest-exact":
            return all(old % new == 0 or _has_no_tie(old, new) for old, new in sides)
    return True


def _has_no_tie(old: int, new: int) -> bool:
    return all((2 * each + 1) * old % (2 * new) for each in range(new))


def _of_superimpose(chance: random.Random, base: tuple[int, int], own: tuple[int, int]) -> dict[str, Any]:
    params: dict[str, Any] = {
        "blend_mode": chance.choice(["normal", *CSS]),
        "opacity": chance.choice([1, 1, 0, 0.5, round(chance.random(), 3)]),
        "flip": chance.choice(["none", "none", "horizontal", "vertical", "both"]),
        "resize_method": chance.choice(["nearest-exact", "bilinear", "area"]),
    }
    kind = chance.random()
    if kind < 0.3:
        params["region"] = [
            *(round(chance.uniform(-0.3, 1.1), 2) for _ in "xy"),
            *(round(chance.uniform(0.01, 1.2), 2) for _ in "xy"),
        ]
    if chance.random() < 0.15:
        return params | {"color": chance.choice(COLORS)}
    params["rotation"] = chance.choice([0, 0, 90, 180, 270, 360])
    if chance.random() < 0.5:
        params["gravity"] = chance.choice(PLACES)
    if "region" in params:
        return params | {"region_fit": chance.choice(["contain", "cover", "stretch"])}
    params |= chance.choice([
        {},
        {"overlay_resize": "None"},
        {"overlay_resize": "Fit"},
        {"rescale_factor": chance.choice([0.5, 2, 3, round(chance.uniform(0.05, 3), 2)])},
        {"overlay_resize": "Resize to width & heigth", "width": max(own[0] // 2, 1), "height": own[1] * 2},
        {"overlay_resize": "Resize to width & heigth", "width": chance.randint(1, 60), "height": 17},
        {"scale_to": chance.randint(1, 96) / 64, "scale_of": chance.choice(SIDES)},
    ])  # fmt: skip
    for axis in "xy":
        params |= chance.choice([
            {},
            {f"{axis}_offset": chance.randint(-30, 45)},
            {f"{axis}_offset": chance.choice([-1_000_000, 1_000_000, 41])},
            {f"{axis}_offset": chance.randint(-5, 5)},
            {f"{axis}_percent": chance.randint(-200, 400) / 4},
        ])  # fmt: skip
    if "gravity" not in params and chance.random() < 0.25:
        params |= {"tile": True, "tile_spacing": chance.choice([0, 0, 1, 7])}
    return params


def _of_v2(chance: random.Random, base: tuple[int, int], own: tuple[int, int]) -> dict[str, Any]:
    del base, own
    mode = chance.choice(["normal", *float64.MODES])
    factors = [1, 1, 0.5, 2, round(chance.uniform(0.05, 3), 2)]
    return {
        "blend_mode": mode,
        "opacity": chance.choice([100, 100, 0, 50, round(chance.uniform(0, 100), 1)]),
        "mirror": chance.choice(["None", "None", "horizontal", "vertical"]),
        "rescale_factor": 1 if mode in float64.JOINT else chance.choice(factors),  # no hue is sure of grey
        "rotation": chance.choice([0, 0, *range(-360, 361, 90)]),
        "x_percent": chance.choice([50, round(chance.uniform(-20, 120), 1), -999]),
        "y_percent": chance.choice([50, round(chance.uniform(-20, 120), 1), 0, 100]),
    }


@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("params", [
    {"x_offset": 20},
    {"y_offset": -10},
    {"x_offset": -1_000_000, "rescale_factor": 16, "blend_mode": "hue"},
    {"x_offset": 1_000_000, "overlay_resize": "Resize to width & heigth", "width": 16_384, "height": 16_384},
    {"region": [1, 0, 0.5, 0.5], "region_fit": "cover"},
    {"region": [-16, -16, 15, 15], "region_fit": "stretch", "resize_method": "bilinear"},
    {"corners": [[1.5, 0], [2, 0], [2, 1], [1.5, 1]]},
])  # fmt: skip
def test_a_layer_entirely_outside_changes_nothing(params, bands):
    chance = random.Random(bands)
    base, overlay = _picture(chance, [bands], size=(20, 20)), _picture(chance, [4], size=(10, 10))

    assert (_answer(base, [Layer("superimpose", params, overlay)]) == base).all()
