"""Displacement maps compared with OpenCV and exact results, and their files of any kind."""

import tracemalloc
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from compositor import InvalidImage, SuperimposeRequest, render
from compositor.geometry import Size, cells, shifted, size_of, whole
from compositor.layers.displace import Displacement
from tests.compositor.colour import spaces
from tests.compositor.layers.test_warp import levels, noise, psnr, smooth
from tests.compositor.pictures import P3, pixels, png, saved
from tests.compositor.pictures import noise as random_levels

AREA = (150, 140)


def grey(level: int, size: Size = (3, 2)) -> Image.Image:
    return Image.new("RGB", size, (level, level, 0))


def displaced(
    picture: Image.Image, map_image: Image.Image, x: float, y: float, side: int = 512
) -> Image.Image:
    """The whole area with `picture`, at its top left, displaced."""
    out, displacement = Image.new("RGBA", AREA), Displacement.of(map_image, AREA, x, y)
    for cell in cells(whole(AREA), side, whole(AREA)):
        source = displacement.source(cell)
        piece = displacement.displaced(picture.convert("RGBA").crop(source), source, cell)
        assert piece.size == size_of(cell)
        out.paste(piece, cell[:2])
    return out


def folds(size: Size, mode: str = "RGB") -> Image.Image:
    y, x = np.mgrid[: size[1], : size[0]] / np.reshape((size[1], size[0]), (2, 1, 1))
    bands = [128 + 100 * np.sin(5 * x + 3 * y), 128 + 100 * np.cos(4 * y - 2 * x), 0 * x, 255 + 0 * x]
    return Image.fromarray(np.stack(bands[: len(mode)], axis=-1).astype(np.uint8))


@pytest.mark.parametrize(("level", "share"), [(0, 1), (64, 0.5), (128, 0), (255, -1)])
def test_a_uniform_map_moves_all_pixels_by_the_share_of_its_level(level: int, share: float) -> None:
    picture = noise(AREA, 4)
    out = displaced(picture, grey(level), 20, -8)
    there = (round(-20 * share), round(8 * share))
    expected = picture.crop(shifted(whole(AREA), there))
    seen = np.asarray(expected)[..., 3] > 0
    assert (np.asarray(out)[seen] == np.asarray(expected)[seen]).all()
    assert (np.asarray(out)[~seen][:, 3] == 0).all()


def test_displacement_is_linear_between_neutral_and_255() -> None:
    field = Image.fromarray(
        np.dstack([np.arange(128, 256), np.full(128, 128), np.zeros(128)]).astype(np.uint8)
    )
    displacement = Displacement.of(field, (128, 1), 127, 999)
    for column in (0, 1, 64, 127):
        left, _, right, _ = displacement.source((column, 0, column + 1, 1))
        assert (left + right) / 2 == pytest.approx(2 * column + 0.5, abs=1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", [(150, 140), (40, 30), (4, 3)])
@pytest.mark.parametrize("strength", [(12, 9), (-15, 10), (0, 14)])
def test_displacement_equals_opencvs(strength: tuple[int, int], size: Size, mode: str) -> None:
    picture, field = smooth(AREA, mode), folds(size, mode)
    above = cv2.resize(np.asarray(field).astype(np.float32) - 128, AREA, interpolation=cv2.INTER_LINEAR)
    moves = -above[..., :2] / np.where(above[..., :2] < 0, 128, 127) * strength
    y, x = np.mgrid[: AREA[1], : AREA[0]]
    points = ((x - moves[..., 0]).astype(np.float32), (y - moves[..., 1]).astype(np.float32))
    expected = cv2.remap(levels(picture).astype(np.float32), *points, cv2.INTER_CUBIC)
    edge = 2 + max(abs(each) for each in strength)
    inside = (slice(edge, -edge), slice(edge, -edge))
    out = displaced(picture, field, *strength)
    assert psnr(levels(out)[inside], expected[inside]) >= 40
    assert np.abs(levels(out) - expected).mean() <= 3


def test_a_larger_map_is_averaged() -> None:
    picture, coarse = smooth(AREA), folds(AREA)
    fine = folds((AREA[0] * 9, AREA[1] * 9))
    off = np.abs(levels(displaced(picture, fine, 15, 15)) - levels(displaced(picture, coarse, 15, 15)))
    assert off.mean() < 1


def test_a_smooth_map_moves_by_fractions_of_pixels() -> None:
    """From level 128 to 129 over 150 pixels, at 128 pixels per level, without a step of a whole pixel."""
    picture = Image.fromarray(np.tile(np.arange(150, dtype=np.uint8), (140, 1))).convert("RGB")
    field = Image.fromarray(np.array([[(128, 128, 0), (127, 128, 0)]], np.uint8))
    row = np.asarray(displaced(picture, field, 512, 0))[70, 10:140, 0].astype(int)
    assert np.diff(row).max() <= 1
    assert np.diff(row).min() >= 0


@pytest.mark.parametrize("strength", [10, 60])
def test_a_picture_of_one_colour_keeps_it_with_any_alpha(strength: int) -> None:
    pixels = np.array(noise(AREA, 4))
    pixels[..., :3] = (201, 100, 3)
    out = np.asarray(displaced(Image.fromarray(pixels), folds((60, 50)), strength, strength))
    out = out[out[..., 3] > 0]
    assert len(out) > 1_000
    assert (out[:, :3] == (201, 100, 3)).all()


@pytest.mark.parametrize("size", [(70, 60), (333, 222)])
def test_cells_have_no_seams(size: Size) -> None:
    picture = noise(AREA, 4)
    whole_area = displaced(picture, folds(size), 12, 9)
    assert np.abs(levels(whole_area) - levels(displaced(picture, folds(size), 12, 9, side=32))).max() <= 1


def test_compressed_pixels_are_averaged() -> None:
    """A ramp in the map that compresses half of the picture into a quarter."""
    stripes = Image.fromarray(np.tile(np.arange(150) % 4 // 2 * 255, (140, 1)).astype(np.uint8)).convert(
        "RGB"
    )
    ramp = Image.fromarray(
        np.dstack([np.linspace(160, 96, 64), np.full(64, 128), np.zeros(64)]).astype(np.uint8)
    )
    wide = displaced(stripes, ramp, -450, 0)
    middle = np.asarray(wide)[70, 60:90, 0].astype(float)
    assert np.abs(middle - 127.5).mean() < 45


def test_transparent_pixels_of_the_map_move_nothing() -> None:
    picture, field = noise(AREA, 3), Image.new("RGBA", (5, 5), (0, 0, 0, 0))
    assert (np.asarray(displaced(picture, field, 50, 50))[..., :3] == np.asarray(picture)).all()


def test_the_map_is_extended_beyond_its_area() -> None:
    field = Image.fromarray(np.array([[(128, 128, 0), (0, 128, 0)]], np.uint8))
    displacement = Displacement.of(field, AREA, 40, 40)
    at_edge = displacement.source((149, 5, 150, 6))
    beyond = displacement.source((300, 5, 301, 6))
    assert shifted(at_edge, (151, 0)) == beyond


def test_memory_is_bounded_by_the_cell() -> None:
    field, picture = noise((4000, 3000), 3), noise((40, 40), 4)
    displacement, cell = Displacement.of(field, (20_000, 20_000), 999, -999), (512, 512, 768, 768)
    tracemalloc.start()
    source = displacement.source(cell)
    displacement.displaced(picture.crop(source), source, cell)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400_000_000


SIZE = (60, 40)


def with_map(file: bytes, **params: Any) -> np.ndarray:
    """A picture of the size of its base, displaced by the map in `file`."""
    files = {
        "base_image": png(np.zeros((*SIZE[::-1], 3), np.uint8)),
        "overlay_image": png(random_levels(SIZE, 3)),
    }
    files["displacement_map"] = file
    given = {"displacement_x": 9, "displacement_y": 6, "image_format": "png", **params}
    scene = SuperimposeRequest(**given, **dict.fromkeys(files, "x")).scene()
    return pixels(render(scene, files).data)


FOLDS = random_levels((12, 8), 3)
GREY = FOLDS[..., 0]


def test_a_grey_map_moves_along_both_axes():
    both = np.stack([GREY] * 3, axis=-1)

    assert (with_map(png(GREY)) == with_map(png(both))).all()
    assert (with_map(png(GREY)) != with_map(png(FOLDS))).any()


@pytest.mark.parametrize("grid", [GREY, FOLDS], ids=["grey", "red, green and blue"])
def test_the_upper_8_of_16_bits_of_a_map_are_used(grid):
    deep = grid.astype(np.uint16) * 257

    assert (with_map(spaces.png(deep)) == with_map(png(grid))).all()


def test_a_map_of_one_bit_moves_fully_in_one_direction_or_the_other():
    bits = Image.fromarray(np.where(GREY > 99, 255, 0).astype(np.uint8))

    assert (with_map(png(bits.convert("1"))) == with_map(png(bits))).all()


def test_a_map_with_a_palette_uses_its_colours():
    few = Image.fromarray(FOLDS).quantize(9)

    assert (with_map(png(few)) == with_map(png(few.convert("RGB")))).all()


@pytest.mark.parametrize("number", range(2, 9))
def test_a_map_is_rotated_by_its_orientation(number):
    exif = Image.Exif()
    exif[0x112] = number
    methods = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    upright = np.asarray(Image.fromarray(FOLDS).transpose(Image.Transpose(methods[number])))

    assert (with_map(saved(FOLDS, "PNG", exif=exif)) == with_map(png(upright))).all()


@pytest.mark.parametrize("params", [{}, {"keep_icc_profile": True}])
def test_the_levels_of_a_map_are_not_converted_whatever_its_colour_space(params):
    for grid, space in (
        (FOLDS, spaces.embedded(P3)),
        (FOLDS, spaces.cicp(9, 16)),
        (GREY, spaces.embedded(spaces.profile(None, spaces.GAMMA_1_8))),
        (GREY.astype(np.uint16) * 257, spaces.gamma(100_000)),
    ):
        unmarked = with_map(spaces.png(grid), **params)
        assert (with_map(spaces.png(grid, space), **params) == unmarked).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (777, 2), (60, 40), (900, 900)])
def test_a_neutral_map_of_any_size_moves_nothing(size):
    neutral = with_map(png(Image.new("RGB", size, (128, 128, 0))))

    assert (neutral == random_levels(SIZE, 3)).all()


def test_a_map_that_is_not_a_picture_is_named_by_its_path():
    files = {"base_image": png(GREY), "overlays[1].overlay_image": png(GREY)}
    files["overlays[1].displacement_map"] = b"no picture"
    layers = [{"color": "#fff"}, {"overlay_image": "x", "displacement_map": "x", "displacement_y": 4}]
    scene = SuperimposeRequest(base_image="x", overlays=layers).scene()

    with pytest.raises(InvalidImage, match=r"^overlays\[1\]\.displacement_map: not an image file"):
        render(scene, files)
