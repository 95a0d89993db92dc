"""Properties that hold for any pictures and parameters."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from compositor import SuperimposeParams, superimpose
from compositor.compose import put_tiles
from compositor.over import put_over
from tests.compositor.pictures import noise, opened, pixels, plain, png

RESIZES = ["None", "Fit", "Resize by rescale_factor", "Resize to width & heigth"]
METHODS = ["nearest-exact", "bilinear", "area"]
QUICK = settings(max_examples=50, deadline=None)

sides = st.integers(1, 40)
sizes = st.tuples(sides, sides)
seeds = st.integers(0, 2**32 - 1)
colours = st.tuples(*[st.integers(0, 255)] * 3)
anywhere = st.fixed_dictionaries(
    {
        "overlay_resize": st.sampled_from(RESIZES),
        "resize_method": st.sampled_from(METHODS),
        "rescale_factor": st.floats(0.01, 4),
        "width": sides,
        "height": sides,
        "x_offset": st.integers(-50, 50),
        "y_offset": st.integers(-50, 50),
        "rotation": st.integers(0, 360),
        "opacity": st.floats(0, 1),
        "flip": st.sampled_from(["none", "horizontal", "vertical", "both"]),
    }
)


def put(base: np.ndarray, overlay: np.ndarray, mask: np.ndarray | None = None, **params: Any) -> np.ndarray:
    given = SuperimposeParams(**params, image_format="png")
    return pixels(superimpose(png(base), png(overlay), given, None if mask is None else png(mask)).data)


@QUICK
@given(base=sizes, overlay=sizes, seed=seeds, bands=st.sampled_from([3, 4]), params=anywhere)
def test_opacity_0_leaves_the_base_bit_for_bit(
    base: tuple[int, int], overlay: tuple[int, int], seed: int, bands: int, params: dict[str, Any]
) -> None:
    below = noise(base, seed, bands)
    assert (put(below, noise(overlay, seed + 1, 4), **params | {"opacity": 0}) == below).all()


@QUICK
@given(base=sizes, overlay=sizes, seed=seeds, params=anywhere, far=st.sampled_from([-3000, 3000]))
def test_an_overlay_outside_of_the_base_leaves_it_bit_for_bit(
    base: tuple[int, int], overlay: tuple[int, int], seed: int, params: dict[str, Any], far: int
) -> None:
    below = noise(base, seed, 4)
    assert (put(below, noise(overlay, seed + 1), **params | {"x_offset": far}) == below).all()
    assert (put(below, noise(overlay, seed + 1), **params | {"y_offset": far}) == below).all()


@settings(max_examples=150, deadline=None)
@given(
    base=sizes,
    overlay=sizes,
    colour=colours,
    seed=seeds,
    params=anywhere,
    alpha=st.booleans(),
    masked=st.booleans(),
)
def test_an_overlay_of_the_bases_own_colour_changes_nothing(
    base: tuple[int, int],
    overlay: tuple[int, int],
    colour: tuple[int, int, int],
    seed: int,
    params: dict[str, Any],
    alpha: bool,
    masked: bool,
) -> None:
    below = np.full((base[1], base[0], 3), colour, np.uint8)
    above = np.full((overlay[1], overlay[0], 3), colour, np.uint8)
    if alpha:
        above = np.dstack([above, noise(overlay, seed, 1)])
    mask = noise((7, 5), seed + 1) if masked else None
    assert (put(below, above, mask, **params) == below).all()


@QUICK
@given(overlay=sizes, seed=seeds, quarter=st.integers(0, 4), bands=st.sampled_from([3, 4]))
def test_quarter_turns_are_exact(overlay: tuple[int, int], seed: int, quarter: int, bands: int) -> None:
    above = noise(overlay, seed, bands)
    turned = np.rot90(above, quarter)
    below = np.zeros((turned.shape[0], turned.shape[1], 4), np.uint8)
    ours = put(below, above, rotation=90 * quarter)
    assert (ours[..., :bands][ours[..., 3] > 0] == turned[ours[..., 3] > 0]).all()
    assert (ours[..., 3] == (turned[..., 3] if bands == 4 else 255)).all()


@QUICK
@given(base=sizes, overlay=sizes, seed=seeds, params=anywhere)
def test_rotation_360_is_rotation_0(
    base: tuple[int, int], overlay: tuple[int, int], seed: int, params: dict[str, Any]
) -> None:
    one, other = (
        put(noise(base, seed), noise(overlay, seed + 1, 4), **params | {"rotation": degrees})
        for degrees in (0, 360)
    )
    assert (one == other).all()


@QUICK
@given(size=sizes, seed=seeds, opacity=st.floats(0, 1), bands=st.sampled_from([3, 4]))
def test_opacity_is_linear(size: tuple[int, int], seed: int, opacity: float, bands: int) -> None:
    below, above = noise(size, seed), noise(size, seed + 1, bands)
    none, full = (put(below, above, opacity=each) for each in (0, 1))
    expected = none + opacity * (full - none)
    assert np.abs(put(below, above, opacity=opacity) - expected).max() <= 2


@QUICK
@given(
    base=sizes,
    overlay=sizes,
    seed=seeds,
    params=anywhere,
    margins=st.tuples(*[st.integers(0, 30)] * 4),
    bands=st.sampled_from([3, 4]),
    mode=st.sampled_from(["normal", "soft-light"]),
)
def test_clipping_equals_a_larger_base_cropped(
    base: tuple[int, int],
    overlay: tuple[int, int],
    seed: int,
    params: dict[str, Any],
    margins: tuple[int, int, int, int],
    bands: int,
    mode: str,
) -> None:
    left, top, right, bottom = margins
    large = noise((base[0] + left + right, base[1] + top + bottom), seed)
    below = large[top : top + base[1], left : left + base[0]]
    above = noise(overlay, seed + 1, bands)
    if params["overlay_resize"] == "Fit":  # depends on the size of the base
        params = params | {"overlay_resize": "None"}
    params = params | {"blend_mode": mode}
    moved = params | {"x_offset": params["x_offset"] + left, "y_offset": params["y_offset"] + top}
    cropped = put(large, above, **moved)[top : top + base[1], left : left + base[0]]
    assert (put(below, above, **params) == cropped).all()


@QUICK
@given(base=sizes, overlay=sizes, params=anywhere)
def test_the_output_has_the_size_of_the_base(
    base: tuple[int, int], overlay: tuple[int, int], params: dict[str, Any]
) -> None:
    out = superimpose(plain(base, "red"), plain(overlay, "blue"), SuperimposeParams(**params))
    assert (out.width, out.height) == base == opened(out.data).size


@pytest.mark.parametrize("method", METHODS)
def test_an_overlay_scaled_to_nothing_is_one_pixel(method: str) -> None:
    below = np.zeros((3, 3, 3), np.uint8)
    above = np.full((50, 50, 3), 255, np.uint8)
    ours = put(below, above, rescale_factor=0.001, resize_method=method)
    assert ours[..., 0].tolist() == [[255, 0, 0], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rotation", [0, 33])
def test_a_picture_of_many_cells_has_no_seams(method: str, rotation: int) -> None:
    """A ramp stays a ramp at pixel 1024, the border of two cells of the layer."""
    ramp = np.add.outer(np.arange(128), np.arange(128)).astype(np.uint8)
    below = np.zeros((1600, 1600, 3), np.uint8)
    ours = put(below, ramp, rescale_factor=16, resize_method=method, rotation=rotation)[..., 0]
    across = np.abs(np.diff(ours[1022:1026, 1200:1600], axis=0))
    along = np.abs(np.diff(ours[1200:1600, 1022:1026], axis=1))
    assert ours[1022:1026, 1200:1600].min() > 0
    assert max(across.max(), along.max()) <= 2


@QUICK
@given(
    base=sizes,
    tile=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    corner=st.tuples(st.integers(-50, 50), st.integers(-50, 50)),
    spacing=st.integers(0, 5),
    seed=seeds,
    bands=st.sampled_from([3, 4]),
    mode=st.sampled_from(["normal", "multiply", "soft-light"]),
    band_pixels=st.sampled_from([1, 200, 10**6]),
)
def test_tiles_equal_one_overlay_at_each_place(
    base: tuple[int, int],
    tile: tuple[int, int],
    corner: tuple[int, int],
    spacing: int,
    seed: int,
    bands: int,
    mode: str,
    band_pixels: int,
) -> None:
    below, above = Image.fromarray(noise(base, seed)), Image.fromarray(noise(tile, seed + 1, bands))
    layer = Image.new("RGBA", base)
    for x in range(corner[0] % (tile[0] + spacing) - tile[0] - spacing, base[0], tile[0] + spacing):
        for y in range(corner[1] % (tile[1] + spacing) - tile[1] - spacing, base[1], tile[1] + spacing):
            layer.paste(above, (x, y))
    expected = below.copy()
    put_over(expected, layer, (0, 0, *base), mode)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("compositor.compose._BAND_PIXELS", band_pixels)
        put_tiles(below, above, corner, spacing, mode)
    assert (np.asarray(below) == np.asarray(expected)).all()


@pytest.mark.parametrize("rotation", [0, 20, 45])
@pytest.mark.parametrize("method", ["bilinear", "area"])
@pytest.mark.parametrize("factor", [0.37, 1, 2.6])
def test_a_white_disc_with_black_transparent_corners_keeps_white_white(
    rotation: int, method: str, factor: float
) -> None:
    y, x = np.mgrid[:40, :40] - 19.5
    disc = np.zeros((40, 40, 4), np.uint8)
    disc[np.hypot(x, y) < 18] = 255
    white = np.full((110, 110, 3), 255, np.uint8)
    params = SuperimposeParams(
        rotation=rotation, resize_method=method, rescale_factor=factor, image_format="png"
    )
    assert pixels(superimpose(png(white), png(disc), params).data).min() == 255


def test_a_transparent_base_stays_transparent_and_shows_the_overlays_own_colour() -> None:
    below = np.zeros((10, 10, 4), np.uint8)
    above = np.full((4, 4, 4), (200, 100, 50, 128), np.uint8)
    out = pixels(superimpose(png(below), png(above), SuperimposeParams(image_format="png")).data)
    assert (out[:4, :4] == (200, 100, 50, 128)).all()
    assert (out[4:, :, 3] == 0).all()
