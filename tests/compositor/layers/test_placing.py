"""Place, size and repetition of the overlay: the parameters that the reference node does not have."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from compositor import ImageTooLarge, Limits, SuperimposeParams, superimpose
from compositor.models.parameters import MAX_OFFSET
from tests.compositor.pictures import pixels, plain, png

BASE = plain((20, 10), "black")


def marks(overlay: bytes, base: bytes = BASE, mask: bytes | None = None, **params: Any) -> np.ndarray:
    """(height, width) bool: where the overlay is visible on a black base."""
    out = superimpose(base, overlay, SuperimposeParams(**params, image_format="png"), mask)
    return pixels(out.data)[..., 0] > 127


def box(shown: np.ndarray) -> tuple[int, int, int, int]:
    """The box of the visible pixels: left, top, and right and bottom exclusive."""
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


@pytest.mark.parametrize(
    ("gravity", "corner"),
    [
        ("northwest", (1, 2)),
        ("north", (9, 2)),
        ("northeast", (15, 2)),
        ("west", (1, 5)),
        ("center", (9, 5)),
        ("east", (15, 5)),
        ("southwest", (1, 4)),
        ("south", (9, 4)),
        ("southeast", (15, 4)),
    ],
)
def test_offsets_move_inwards_from_the_anchor(gravity: str, corner: tuple[int, int]) -> None:
    shown = marks(plain((4, 4), "white"), gravity=gravity, x_offset=1, y_offset=2)
    assert box(shown)[:2] == corner


def test_gravity_places_the_rotated_overlay() -> None:
    assert box(marks(plain((6, 2), "white"), gravity="southeast", rotation=90)) == (18, 4, 20, 10)


def test_percentages_are_of_the_base() -> None:
    assert box(marks(plain((2, 2), "white"), x_percent=50, y_percent=20))[:2] == (10, 2)
    assert box(marks(plain((2, 2), "white"), x_percent=10, y_percent=0, gravity="southeast"))[:2] == (16, 8)


def test_scale_to_is_a_fraction_of_the_bases_width_and_keeps_proportions() -> None:
    assert box(marks(plain((40, 20), "white"), scale_to=0.5)) == (0, 0, 10, 5)


@pytest.mark.parametrize(
    ("flip", "corner"), [("none", (0, 0)), ("horizontal", (3, 0)), ("vertical", (0, 2)), ("both", (3, 2))]
)
def test_flip_mirrors_the_overlay_and_its_mask(flip: str, corner: tuple[int, int]) -> None:
    dot = np.zeros((3, 4), np.uint8)
    dot[0, 0] = 255
    assert box(marks(png(dot), flip=flip))[:2] == corner
    assert box(marks(plain((4, 3), "white"), mask=png(dot), flip=flip))[:2] == corner


def test_white_shows_black_hides_and_transparent_hides() -> None:
    mask = np.array([[[255, 255], [0, 255], [255, 0], [0, 0]]], np.uint8)
    white = plain((4, 1), "white")
    assert marks(white, mask=png(mask))[0, :4].tolist() == [True, False, False, False]
    assert marks(white, mask=png(mask), invert_mask=True)[0, :4].tolist() == [False, True, False, False]


@pytest.mark.parametrize(("x", "y"), [(0, 0), (3, 1), (-7, -9), (1000, 1000)])
@pytest.mark.parametrize("spacing", [0, 2])
def test_tiles_cover_the_whole_base_in_step_with_the_offsets(x: int, y: int, spacing: int) -> None:
    tile = np.zeros((2, 3), np.uint8)
    tile[0, 0] = 255
    shown = marks(png(tile), tile=True, tile_spacing=spacing, x_offset=x, y_offset=y)
    rows, columns = np.mgrid[:10, :20]
    expected = ((columns - x) % (3 + spacing) == 0) & ((rows - y) % (2 + spacing) == 0)
    assert (shown == expected).all()


def test_a_tile_larger_than_the_base_is_cropped() -> None:
    tile = np.zeros((50, 50), np.uint8)
    tile[45, 48] = 255
    assert box(marks(png(tile), tile=True, x_offset=5, y_offset=10)) == (3, 5, 4, 6)


def test_tiles_keep_their_alpha_and_blend() -> None:
    params = {"tile": True, "blend_mode": "screen", "image_format": "png"}
    half = plain((3, 3), (255, 255, 255, 128), "RGBA")
    out = pixels(superimpose(plain((7, 7), (100, 100, 100)), half, SuperimposeParams(**params)).data)
    assert np.unique(out).tolist() == [178]


def test_a_tile_above_the_limit_is_refused_with_its_size() -> None:
    params = SuperimposeParams(tile=True, rescale_factor=16)
    with pytest.raises(
        ImageTooLarge, match=r"overlay_image: 1600 x 1600 = 2.56 MP once resized, at most 1 MP"
    ):
        superimpose(BASE, plain((100, 100), "red"), params, limits=Limits(max_pixels=1_000_000))


def test_a_huge_overlay_costs_only_its_visible_part() -> None:
    params = SuperimposeParams(overlay_resize="Resize to width & heigth", width=16_384, height=16_384)
    for degrees in (0, 90, 45):
        turned = params.model_copy(update={"rotation": degrees, "x_offset": -8000, "y_offset": -8000})
        out = superimpose(BASE, plain((100, 100), "white"), turned)
        assert pixels(out.data).min() > 250


@pytest.mark.parametrize("far", [-MAX_OFFSET, -MAX_OFFSET + 1, MAX_OFFSET])
@pytest.mark.parametrize(
    "params", [{}, {"rotation": 33}, {"blend_mode": "multiply"}, {"opacity": 0.5}, {"tile": True}]
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_overlay_at_the_farthest_offset_reaches_pillow_only_as_boxes_within_the_base(
    far: int, params: dict[str, Any], mode: str
) -> None:
    base, overlay = plain((16, 16), "white", mode), plain((5, 5), "red", mode)
    out = superimpose(
        base, overlay, SuperimposeParams(x_offset=far, y_offset=far, image_format="png", **params)
    )
    assert (pixels(out.data)[..., :3] == 255).all() != ("tile" in params)


def turned_area(size: tuple[int, int], degrees: int, canvas: int) -> np.ndarray:
    """(canvas, canvas) 0 to 255: each pixel's coverage by a rotated rectangle of `size`, from 256 points."""
    fine = (np.arange(canvas * 16) + 0.5) / 16
    angle = np.deg2rad(degrees)
    width, height = size
    grown = Image.new("L", size).rotate(degrees, expand=True).size
    x, y = np.meshgrid(fine - grown[0] / 2, fine - grown[1] / 2)
    along, across = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    inside = (np.abs(along) <= width / 2) & (np.abs(across) <= height / 2)
    return inside.reshape(canvas, 16, canvas, 16).mean(axis=(1, 3)) * 255


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("degrees", [1, 30, 45, 137, 210, 359])
@pytest.mark.parametrize("size", [(60, 40), (33, 7), (50, 1)])
def test_the_border_of_a_rotated_overlay_covers_each_pixel_by_its_area(
    mode: str, degrees: int, size: tuple[int, int]
) -> None:
    overlay, base = plain(size, "white", mode), plain((80, 80), "black")
    out = pixels(superimpose(base, overlay, SuperimposeParams(rotation=degrees, image_format="png")).data)
    area = turned_area(size, degrees, 80)
    difference = np.abs(out[..., 0] - area)
    assert difference.max() < 48
    assert difference[(area > 0) & (area < 255)].mean() < 16
