"""Displacement maps as files: grey, 16-bit, rotated by EXIF, in a colour space, of any size."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from compositor import InvalidImage, SuperimposeRequest, render
from tests.compositor.colour import spaces
from tests.compositor.pictures import pixels, png
from tests.compositor.pictures import read as picture_file

SIZE = (60, 40)
P3 = Image.open(io.BytesIO(picture_file("made/display-p3.png"))).info["icc_profile"]


def noise(size: tuple[int, int], bands: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], bands)).astype(np.uint8)


def displaced(file: bytes, **params: Any) -> np.ndarray:
    """A picture of the size of its base, displaced by the map in `file`."""
    files = {"base_image": png(np.zeros((*SIZE[::-1], 3), np.uint8)), "overlay_image": png(noise(SIZE, 3))}
    files["displacement_map"] = file
    given = {"displacement_x": 9, "displacement_y": 6, "image_format": "png", **params}
    scene = SuperimposeRequest(**given, **dict.fromkeys(files, "x")).scene()
    return pixels(render(scene, files).data)


def saved(levels: np.ndarray, image_format: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(levels).save(out, image_format, **options)
    return out.getvalue()


FOLDS = noise((12, 8), 3)
GREY = FOLDS[..., 0]


def test_a_grey_map_moves_along_both_axes():
    both = np.stack([GREY] * 3, axis=-1)

    assert (displaced(png(GREY)) == displaced(png(both))).all()
    assert (displaced(png(GREY)) != displaced(png(FOLDS))).any()


@pytest.mark.parametrize("levels", [GREY, FOLDS], ids=["grey", "red, green and blue"])
def test_the_upper_8_of_16_bits_of_a_map_are_used(levels):
    deep = levels.astype(np.uint16) * 257

    assert (displaced(spaces.png(deep)) == displaced(png(levels))).all()


def test_a_map_of_one_bit_moves_fully_in_one_direction_or_the_other():
    bits = Image.fromarray(np.where(GREY > 99, 255, 0).astype(np.uint8))

    assert (displaced(png(bits.convert("1"))) == displaced(png(bits))).all()


def test_a_map_with_a_palette_uses_its_colours():
    few = Image.fromarray(FOLDS).quantize(9)

    assert (displaced(png(few)) == displaced(png(few.convert("RGB")))).all()


@pytest.mark.parametrize("number", range(2, 9))
def test_a_map_is_rotated_by_its_orientation(number):
    exif = Image.Exif()
    exif[0x112] = number
    methods = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    upright = np.asarray(Image.fromarray(FOLDS).transpose(Image.Transpose(methods[number])))

    assert (displaced(saved(FOLDS, exif=exif)) == displaced(png(upright))).all()


@pytest.mark.parametrize("params", [{}, {"keep_icc_profile": True}])
def test_the_levels_of_a_map_are_not_converted_whatever_its_colour_space(params):
    for levels, space in (
        (FOLDS, spaces.embedded(P3)),
        (FOLDS, spaces.cicp(9, 16)),
        (GREY, spaces.embedded(spaces.profile(None, spaces.GAMMA_1_8))),
        (GREY.astype(np.uint16) * 257, spaces.gamma(100_000)),
    ):
        plain = displaced(spaces.png(levels), **params)
        assert (displaced(spaces.png(levels, space), **params) == plain).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (777, 2), (60, 40), (900, 900)])
def test_a_neutral_map_of_any_size_moves_nothing(size):
    neutral = displaced(png(Image.new("RGB", size, (128, 128, 0))))

    assert (neutral == noise(SIZE, 3)).all()


def test_a_map_that_is_not_a_picture_is_named_by_its_path():
    files = {"base_image": png(GREY), "overlays[1].overlay_image": png(GREY)}
    files["overlays[1].displacement_map"] = b"no picture"
    layers = [{"color": "#fff"}, {"overlay_image": "x", "displacement_map": "x", "displacement_y": 4}]
    scene = SuperimposeRequest(base_image="x", overlays=layers).scene()

    with pytest.raises(InvalidImage, match=r"^overlays\[1\]\.displacement_map: not an image file"):
        render(scene, files)
