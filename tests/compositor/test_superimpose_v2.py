"""The model `superimpose-v2` against the node behind it, and its blend modes against formulas in float64."""

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image, ImageFilter

from compositor import Remove, SuperimposeRequest, render
from compositor.models.superimpose_v2 import BlendMode, SuperimposeV2Request
from tests.compositor.pictures import noise, pixels, plain, png

Levels = np.ndarray
SAMPLERS = {
    "lanczos": Image.Resampling.BICUBIC,
    "bicubic": Image.Resampling.BICUBIC,
    "hamming": Image.Resampling.BILINEAR,
    "bilinear": Image.Resampling.BILINEAR,
    "box": Image.Resampling.NEAREST,
    "nearest": Image.Resampling.NEAREST,
}
MIRRORS = {"horizontal": Image.Transpose.FLIP_LEFT_RIGHT, "vertical": Image.Transpose.FLIP_TOP_BOTTOM}


def file(
    base: bytes, overlay: bytes, mask: bytes | None = None, remove: Remove | None = None, **params: Any
) -> bytes:
    files = {"base_image": base, "overlay_image": overlay} | ({"mask": mask} if mask else {})
    given = {"image_format": "png"} | params | dict.fromkeys(files, "x")
    return render(SuperimposeV2Request(**given).scene(), files, remove=remove).data


def put(base: Levels, overlay: Levels, mask: Levels | None = None, **params: Any) -> Levels:
    return pixels(file(png(base), png(overlay), None if mask is None else png(mask), **params))


def by_the_node(
    base: Levels,
    overlay: Levels,
    *,
    rescale_factor: float = 1,
    resize_method: str = "nearest",
    mirror: str = "None",
    rotation: float = 0,
    x_percent: float = 50,
    y_percent: float = 50,
) -> tuple[Levels, Image.Image]:
    """The result of LayerStyle's ImageBlendAdvance for opaque pictures, and its coverage of each pixel."""
    layer = Image.fromarray(overlay)
    if mirror in MIRRORS:
        layer = layer.transpose(MIRRORS[mirror])
    layer = layer.resize((int(layer.width * rescale_factor), int(layer.height * rescale_factor)))
    cover = Image.new("L", layer.size, 255)
    if rotation % 360:
        sampler = SAMPLERS[resize_method]
        layer, cover = (each.rotate(rotation, sampler, expand=True) for each in (layer, cover))
    canvas = Image.fromarray(base)
    x = int(canvas.width * x_percent / 100 - layer.width / 2)
    y = int(canvas.height * y_percent / 100 - layer.height / 2)
    covered = Image.new("L", canvas.size)
    covered.paste(cover, (x, y))
    canvas.paste(layer, (x, y), cover)
    return np.asarray(canvas).astype(int), covered


@pytest.mark.parametrize("params", [
    {},
    {"rescale_factor": 0.37},
    {"rescale_factor": 0.58, "mirror": "vertical"},
    {"rescale_factor": 7.7, "x_percent": 40.3, "y_percent": 61},
    {"mirror": "horizontal", "rotation": 90, "rescale_factor": 1.3},
    {"rotation": -90},
    {"x_percent": 0, "y_percent": 100},
    {"x_percent": 3.3, "y_percent": -1.5},
    {"x_percent": 999, "y_percent": -999},
])  # fmt: skip
@pytest.mark.parametrize("size", [(33, 21), (40, 40)])
def test_sizes_and_places_are_those_of_the_node(params, size):
    base, overlay = noise((120, 90), 1), noise(size, 2)

    expected, _ = by_the_node(base, overlay, **params)

    assert np.abs(put(base, overlay, **params) - expected).max() <= 1


@pytest.mark.parametrize("method", SAMPLERS)
@pytest.mark.parametrize("rotation", [-360, -30.5, 12.25, 200])
def test_a_rotation_equals_the_nodes_except_for_antialiased_edges(method, rotation):
    base = noise((120, 120), 1)
    overlay = np.asarray(Image.fromarray(noise((9, 7), 2)).resize((63, 49), Image.Resampling.BICUBIC))
    params = {"resize_method": method, "rotation": rotation, "x_percent": 47, "mirror": "horizontal"}

    expected, covered = by_the_node(base, overlay, **params)
    differences = np.abs(put(base, overlay, **params) - expected).max(axis=2)

    inner = np.asarray(covered.filter(ImageFilter.MinFilter(3))) == 255
    outer = np.asarray(covered.filter(ImageFilter.MaxFilter(3))) == 0
    assert inner.sum() > 1500
    at_a_tie = 0.01 if method in ("box", "nearest") else 0  # of two pixels
    assert (differences[inner] > 2).mean() <= at_a_tie
    assert not differences[outer].any()


def test_the_visible_part_of_a_huge_overlay_equals_that_of_the_whole():
    base, overlay = noise((50, 40), 1), noise((30, 20), 2, 4)
    params = {"rescale_factor": 40, "rotation": 17.5, "resize_method": "bicubic", "x_percent": -700}

    seen = put(base, overlay, **params)
    wide = np.zeros((40, 1650, 3), np.uint8)
    wide[:, 800:850] = base
    percent = (50 * -7.0 + 800) / 1650 * 100
    whole = put(wide, overlay, **params | {"x_percent": percent})

    assert (seen != base).any()
    assert np.abs(seen - whole[:, 800:850]).max() <= 1


@pytest.mark.parametrize("scale", [0.3, 2.7])
@pytest.mark.parametrize("method", SAMPLERS)
def test_the_colour_of_transparent_pixels_is_never_visible(method, scale):
    """A picture of one colour keeps it with any alpha, because averages are premultiplied."""
    overlay = np.full((40, 40, 4), (200, 30, 60, 255), np.uint8)
    overlay[:, 20:] = (0, 255, 0, 0)
    overlay[::3, ::2, 3] //= 3
    overlay[:, 20:, 3] = 0

    answer = put(
        np.zeros((90, 90, 4), np.uint8), overlay, rotation=33.3, rescale_factor=scale, resize_method=method
    )

    strong = answer[answer[..., 3] > 40]
    assert len(strong) > 40
    assert np.abs(strong[:, :3] - (200, 30, 60)).max() <= 1


def test_a_large_transparent_overlay_is_resized_in_bands_without_a_difference():
    overlay = noise((1500, 1400), 1, 4)
    answer = put(np.zeros((120, 120, 4), np.uint8), overlay, rescale_factor=0.05)

    weights = overlay[..., 3:] / 255.0
    bands = [*np.moveaxis(overlay[..., :3] * weights, 2, 0), overlay[..., 3]]
    resized = np.stack([Image.fromarray(each.astype(np.float32)).resize((75, 70)) for each in bands], axis=2)
    expected = resized[..., :3] / resized[..., 3:] * 255
    shown = answer[25:95, 22:97]
    assert np.abs(shown[..., 3] - resized[..., 3]).max() <= 1
    assert np.abs(shown[..., :3] - expected).max() <= 1.5


# Formulas, as sentences of the W3C and of the node, one pixel of one channel at a time or three together.


def lum(c: Levels) -> Levels:
    return c @ (0.3, 0.59, 0.11)


def set_lum(c: Levels, target: Levels) -> Levels:
    moved = c + (target - lum(c))[..., None]
    middle = lum(moved)[..., None]
    least, greatest = moved.min(axis=-1, keepdims=True), moved.max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = np.where(least < 0, middle + (moved - middle) * middle / (middle - least), moved)
        return np.where(greatest > 1, middle + (moved - middle) * (1 - middle) / (greatest - middle), moved)


def sat(c: Levels) -> Levels:
    return c.max(axis=-1) - c.min(axis=-1)


def set_sat(c: Levels, target: Levels) -> Levels:
    own = sat(c)[..., None]
    stretched = (c - c.min(axis=-1, keepdims=True)) * target[..., None]
    return np.divide(stretched, own, out=np.zeros_like(c), where=own > 0)


def dodge(b: float, s: float) -> float:
    return 0 if b == 0 else 1 if s == 1 else min(1, b / (1 - s))


def burn(b: float, s: float) -> float:
    return 1 if b == 1 else 0 if s == 0 else 1 - min(1, (1 - b) / s)


def hard_light(b: float, s: float) -> float:
    return 2 * b * s if s <= 0.5 else 1 - 2 * (1 - b) * (1 - s)


def soft_light(b: float, s: float) -> float:
    d = ((16 * b - 12) * b + 4) * b if b <= 0.25 else b**0.5
    return b - (1 - 2 * s) * b * (1 - b) if s <= 0.5 else b + (2 * s - 1) * (d - b)


def vivid_light(b: float, s: float) -> float:
    return max(0, 1 - (1 - s) / (2 * b + 0.001)) if b < 0.5 else min(1, s / (2 * (1 - b) + 0.001))


def pin_light(b: float, s: float) -> float:
    return 2 * b - 1 if s < 2 * b - 1 else 2 * b if s > 2 * b else s


OF_A_CHANNEL: dict[str, Callable[[float, float], float]] = {
    "normal": lambda _, s: s,
    "multiply": lambda b, s: b * s,
    "screen": lambda b, s: 1 - (1 - b) * (1 - s),
    "add": lambda b, s: min(1, b + s),
    "subtract": lambda b, s: max(0, b - s),
    "difference": lambda b, s: abs(b - s),
    "darken": min,
    "lighten": max,
    "color-burn": burn,
    "color-dodge": dodge,
    "linear-burn": lambda b, s: max(0, b + s - 1),
    "linear-dodge": lambda b, s: min(1, b + s),
    "overlay": lambda b, s: hard_light(s, b),
    "soft-light": soft_light,
    "hard-light": hard_light,
    "vivid-light": vivid_light,
    "pin-light": pin_light,
    "linear-light": lambda b, s: min(1, max(0, s + 2 * b - 1)),
    "hard-mix": lambda b, s: float(round(255 * b) + round(255 * s) > 255),
    "exclusion": lambda b, s: b + s - 2 * b * s,
}
OF_A_PIXEL: dict[str, Callable[[Levels, Levels], Levels]] = {
    "hue": lambda b, s: set_lum(set_sat(s, sat(b)), lum(b)),
    "saturation": lambda b, s: set_lum(set_sat(b, sat(s)), lum(b)),
    "color": lambda b, s: set_lum(s, lum(b)),
    "luminosity": lambda b, s: set_lum(b, lum(s)),
}
FORMULAS = {mode: np.vectorize(each, otypes=[float]) for mode, each in OF_A_CHANNEL.items()} | OF_A_PIXEL


def mixed(base: Levels, overlay: Levels, mode: str) -> Levels:
    """Premultiplied levels from straight ones, by section 9.1.4 of W3C Compositing, in float64."""
    b, s = base / 255.0, overlay / 255.0
    ab, alpha_s = b[..., 3:], s[..., 3:]
    colour = (1 - ab) * s[..., :3] + ab * FORMULAS[mode](b[..., :3], s[..., :3])
    covered = colour * alpha_s + b[..., :3] * ab * (1 - alpha_s)
    return 255 * np.concatenate([covered, alpha_s + ab * (1 - alpha_s)], axis=-1)


def premultiplied(levels: Levels) -> Levels:
    return np.concatenate([levels[..., :3] * (levels[..., 3:] / 255.0), levels[..., 3:]], axis=-1)


def test_every_blend_mode_has_a_formula():
    assert set(FORMULAS) == set(get_args(BlendMode))


@pytest.mark.parametrize("mode", FORMULAS)
@pytest.mark.parametrize("transparent", [False, True])
def test_a_blend_mode_equals_its_formula_within_a_level(mode, transparent):
    random = np.random.default_rng(5)
    base, overlay = random.integers(-60, 316, (2, 60, 80, 4)).clip(0, 255).astype(np.uint8)
    if not transparent:
        base[..., 3] = overlay[..., 3] = 255

    ours = premultiplied(put(base, overlay, blend_mode=mode))

    assert np.abs(ours - mixed(base, overlay, mode)).max() <= (1.5 if transparent else 1)


@pytest.mark.parametrize("mode", ["hard-mix", "vivid-light", "linear-light", "pin-light", "add"])
def test_every_pair_of_levels_is_blended_by_the_formula(mode):
    b, s = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    base, overlay = (np.repeat(each[..., None], 3, axis=2).astype(np.uint8) for each in (b, s))

    expected = 255 * FORMULAS[mode](b / 255.0, s / 255.0)

    assert np.abs(put(base, overlay, blend_mode=mode)[..., 0] - expected).max() <= 0.51


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("multply", "multiply"),
        ("darker", "darken"),
        ("lighter", "lighten"),
        ("color_burn", "color-burn"),
        ("hard_mix", "hard-mix"),
    ],
)
def test_the_nodes_spellings_are_accepted(written, read):
    assert SuperimposeV2Request(base_image="x", overlay_image="x", blend_mode=written).blend_mode == read


@pytest.mark.parametrize(("opacity", "share"), [(0, 0), (25, 0.25), (99.5, 0.995), (100, 1)])
def test_opacity_is_a_percentage(opacity, share):
    answer = pixels(file(plain((9, 9), (0, 0, 0)), plain((9, 9), (200, 100, 40)), opacity=opacity))

    assert np.abs(answer - np.multiply((200, 100, 40), share)).max() <= 1


def test_white_in_a_mask_shows_and_in_an_inverted_one_hides():
    mask = Image.new("L", (10, 10), 0)
    mask.paste(255, (0, 0, 5, 10))
    shown, hidden = (
        pixels(file(plain((10, 10), "blue"), plain((10, 10), "red"), png(mask), invert_mask=inverted))
        for inverted in (False, True)
    )

    assert (shown[0, 0] == hidden[0, 9]).all()
    assert tuple(shown[0, 0]) == (255, 0, 0)
    assert tuple(shown[0, 9]) == (0, 0, 255)


def test_the_output_parameters_are_those_of_superimpose():
    base, overlay = png(noise((20, 20), 1, 4)), plain((20, 20), "red")
    given = {"image_format": "jpeg", "image_quality": 40, "background": "#00ff00", "opacity": 0}

    other = SuperimposeRequest(base_image="x", overlay_image="x", **given)

    assert file(base, overlay, **given) == (
        render(other.scene(), {"base_image": base, "overlay_image": overlay}).data
    )


def test_a_remover_gets_the_models_name_and_a_copy_of_the_picture():
    base, overlay = plain((8, 8), "blue"), png(noise((8, 8), 1, 4))
    asked: list[tuple[str, str, tuple[int, int]]] = []

    def remove(model: str, picture: Image.Image) -> Image.Image:
        asked.append((model, picture.mode, picture.size))
        picture.paste("white", (0, 0, *picture.size))
        return Image.new("L", picture.size, 255)

    answer = file(base, overlay, remove=remove, bg_remove_model="Bria")

    assert asked == [("Bria", "RGBA", (8, 8))]
    assert answer == file(base, overlay)
    assert file(base, overlay, remove=remove) == file(base, overlay)
    assert len(asked) == 1


@pytest.mark.parametrize("mode", ["L", "RGBA", "RGB"])
def test_the_result_of_a_remover_is_put_on_the_base(mode):
    def remove(model: str, picture: Image.Image) -> Image.Image:
        left = Image.new("L", picture.size, 0)
        left.paste(255, (0, 0, 4, 8))
        return left if mode == "L" else Image.merge("RGBA", [*picture.split()[:3], left]).convert(mode)

    answer = pixels(file(plain((8, 8), "blue"), plain((8, 8), "red"), remove=remove, bg_remove_model="x"))

    assert tuple(answer[4, 1]) == (255, 0, 0)
    assert tuple(answer[4, 6]) == ((255, 0, 0) if mode == "RGB" else (0, 0, 255))


def test_a_removers_mask_keeps_transparent_pixels_transparent():
    overlay = Image.new("RGBA", (8, 8), (255, 0, 0, 0))

    def remove(model: str, picture: Image.Image) -> Image.Image:
        return Image.new("L", picture.size, 255)

    answer = file(plain((8, 8), "blue"), png(overlay), remove=remove, bg_remove_model="x")
    assert (pixels(answer) == (0, 0, 255)).all()


def test_a_remover_that_changes_the_size_is_refused():
    with pytest.raises(ValueError, match=r"\(4, 4\)"):
        file(
            plain((8, 8), "blue"),
            plain((8, 8), "red"),
            remove=lambda _, picture: picture.resize((4, 4)),
            bg_remove_model="x",
        )


def test_a_size_of_zero_becomes_one_pixel():
    answer = pixels(file(plain((8, 8), "blue"), plain((8, 8), "red"), rescale_factor=0.001))

    assert (answer == (255, 0, 0)).all(axis=2).sum() == 1
