"""The overlay on four corners, compared with OpenCV, supersampling and exact results."""

import random
import tracemalloc
from functools import cache

import cv2
import numpy as np
import pytest
from PIL import Image

from compositor.geometry import Box, Size, cells, common, shifted, size_of, whole
from compositor.layers.rotate import Turn
from compositor.layers.warp import CELL_SIDE, Warp

Quad = list[tuple[float, float]]

BASE = (150, 140)
QUADS = {
    "square on": [(20.25, 15.5), (130.25, 15.5), (130.25, 125.5), (20.25, 125.5)],
    "leaning": [(15.5, 30.25), (127, 10.5), (140.75, 120), (27, 135.5)],
    "from the side": [(30, 10), (115.5, 40.25), (112, 95), (25.5, 130)],
    "turned over": [(122, 125), (20, 131), (15, 24), (130, 10)],
    "partly outside": [(-40, -20), (165, -45), (180, 110), (-10, 125)],
}


def smooth(size: Size, mode: str = "RGB") -> Image.Image:
    """Waves of at least 40 pixels."""
    y, x = np.mgrid[: size[1], : size[0]]
    waves = [
        np.sin(x / 9 + y / 14),
        np.cos(x / 11 - y / 8),
        np.sin(y / 7),
        0.6 + 0.4 * np.cos(x / 12 + y / 10),
    ]
    return Image.fromarray((128 + 120 * np.stack(waves[: len(mode)], axis=-1)).clip(0, 255).astype(np.uint8))


def noise(size: Size, bands: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (size[1], size[0], bands), np.uint8))


def full(size: Size) -> Quad:
    return [(0, 0), (size[0], 0), size, (0, size[1])]


def warped(
    overlay: Image.Image, quad: Quad, base: Size, seen: Box | None = None, side: int = CELL_SIDE
) -> Image.Image:
    """An RGBA image of size `base` with `overlay` on `quad`, clipped to `seen`."""
    out = Image.new("RGBA", base)
    warp = Warp.of(overlay.size, quad)
    left, top = warp.box[:2]
    visible = common(whole(size_of(warp.box)), shifted(seen or whole(base), (-left, -top)))
    for cell in cells(whole(size_of(warp.box)), side, visible) if visible else ():
        source = warp.source(cell)
        if source is not None:
            piece = warp.reduced(overlay, source, cell)
            assert piece.size == size_of(source)
            image = warp.transformed(piece, source, cell)
            assert image.size == size_of(cell)
            out.paste(image.convert("RGBA"), shifted(cell, (left, top))[:2])
    return out


def levels(image: Image.Image) -> np.ndarray:
    """Premultiplied, float64."""
    pixels = np.asarray(image.convert("RGBA")).astype(float)
    pixels[..., :3] *= pixels[..., 3:] / 255
    return pixels


def supersampled(overlay: Image.Image, quad: Quad, base: Size, times: int = 8) -> np.ndarray:
    """Premultiplied levels: the mean of `times` x `times` points of each pixel, by OpenCV."""
    corners = np.array(full(overlay.size), np.float32)
    matrix = cv2.getPerspectiveTransform(np.array(quad, np.float32), corners)
    u, v = np.meshgrid(*((np.arange(length * times) + 0.5) / times for length in base))
    x, y, w = np.einsum("ij,jhw->ihw", matrix, np.stack([u, v, np.ones_like(u)]))
    x, y = x / w, y / w
    inside = (w > 0) & (x >= 0) & (y >= 0) & (x < overlay.width) & (y < overlay.height)
    points = [(at - 0.5).astype(np.float32) for at in (x, y)]
    sample = cv2.remap(
        levels(overlay).astype(np.float32), *points, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    sample[~inside] = 0
    return sample.reshape(base[1], times, base[0], times, 4).mean(axis=(1, 3))


@cache
def share_inside(name: str) -> np.ndarray:
    """The share of each pixel of the base inside one of `QUADS`, 0 to 255."""
    return supersampled(Image.new("RGB", (110, 110), "white"), QUADS[name], BASE)[..., 3]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(one - other).mean()))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("quad", QUADS.values(), ids=QUADS)
@pytest.mark.parametrize("size", [(110, 110), (60, 80), (200, 175)])
def test_the_inside_of_a_warp_equals_opencvs(size: Size, quad: Quad, mode: str) -> None:
    overlay = smooth(size, mode)
    matrix = cv2.getPerspectiveTransform(
        np.array(full(size), np.float32) - np.float32(0.5), np.array(quad, np.float32) - np.float32(0.5)
    )
    expected = cv2.warpPerspective(levels(overlay).astype(np.float32), matrix, BASE, flags=cv2.INTER_CUBIC)
    quad_inside = np.zeros(BASE[::-1], np.uint8)
    cv2.fillConvexPoly(quad_inside, np.array(quad).round().astype(np.int32), 1)
    inside = cv2.erode(quad_inside, np.ones((9, 9)), borderValue=1) == 1
    assert inside.sum() > 2_000
    assert psnr(levels(warped(overlay, quad, BASE))[inside], expected[inside]) >= 40


@pytest.mark.parametrize(
    "overlay",
    [smooth((110, 110), "RGBA"), smooth((20, 30)), noise((900, 700), 4)],
    ids=["as large", "enlarged", "shrunk"],
)
@pytest.mark.parametrize("name", QUADS)
def test_edges_equal_8_x_supersampling(name: str, overlay: Image.Image) -> None:
    expected, inside = supersampled(overlay, QUADS[name], BASE), share_inside(name)
    edge = (inside > 0) & (inside < 255)
    off = np.abs(levels(warped(overlay, QUADS[name], BASE)) - expected)
    assert edge.sum() > 100
    assert off[edge].mean() <= 3
    assert off[inside == 255].mean() <= 3


def test_edges_are_closer_to_64_x_supersampling_than_8_x_is() -> None:
    white, quad = Image.new("RGB", (15, 15), "white"), [(2.3, 3.1), (16.7, 1.4), (18.2, 17.9), (1.6, 15.8)]
    exact = supersampled(white, quad, (20, 20), 64)
    ours, coarse = (
        np.abs(each - exact).mean()
        for each in (levels(warped(white, quad, (20, 20))), supersampled(white, quad, (20, 20)))
    )
    assert ours < coarse / 2


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("degrees", [17, 45, 200])
def test_a_rotation_by_corners_is_a_rotation(degrees: int, mode: str) -> None:
    overlay = smooth((150, 110), mode)
    turn = Turn.of(overlay.size, degrees)
    a, b, c, d, e, f = turn.matrix
    back = np.linalg.inv([[a, b, c], [d, e, f], [0, 0, 1]])
    quad = [tuple((back @ (x, y, 1))[:2]) for x, y in full(overlay.size)]
    turned = turn.transformed(overlay, whole(overlay.size), whole(turn.after))
    off = np.abs(levels(warped(overlay, quad, turn.after)) - levels(turned))
    assert off.mean() < 1
    assert np.percentile(off, 99) < 32  # the antialiasing of edges


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_picture_warped_to_its_own_corners_is_unchanged(mode: str) -> None:
    overlay = noise((150, 140), len(mode))
    pixels, expected = (
        np.asarray(warped(overlay, full(overlay.size), overlay.size)),
        np.asarray(overlay.convert("RGBA")),
    )
    seen = expected[..., 3] > 0
    assert (pixels[..., 3] == expected[..., 3]).all()
    assert (pixels[seen] == expected[seen]).all()


@pytest.mark.parametrize("quad", [*QUADS.values(), [(10, 10), (14, 11), (13, 16), (9, 15)]])
def test_a_picture_of_one_colour_keeps_it_with_any_alpha(quad: Quad) -> None:
    pixels = np.array(noise((300, 200), 4))
    pixels[..., :3] = (201, 100, 3)
    out = np.asarray(warped(Image.fromarray(pixels), quad, BASE))
    out = out[out[..., 3] > 0]
    assert len(out)
    assert (out[:, :3] == (201, 100, 3)).all()
    opaque = np.asarray(warped(Image.new("RGB", (300, 200), (201, 100, 3)), quad, BASE))
    assert (opaque[opaque[..., 3] > 0][:, :3] == (201, 100, 3)).all()


@pytest.mark.parametrize("quad", QUADS.values(), ids=QUADS)
@pytest.mark.parametrize("size", [(110, 110), (600, 500)])
def test_cells_have_no_seams(size: Size, quad: Quad) -> None:
    overlay = smooth(size, "RGBA")
    at_once = levels(warped(overlay, quad, BASE, side=1000))
    off = np.abs(at_once - levels(warped(overlay, quad, BASE, side=32)))
    assert off.max() <= 4


def test_a_pixel_does_not_depend_on_the_size_of_the_visible_part() -> None:
    overlay, seen = noise((300, 300), 4), (100, 90, 150, 140)
    some = warped(overlay, QUADS["leaning"], BASE, seen).crop(seen)
    assert some.tobytes() == warped(overlay, QUADS["leaning"], BASE).crop(seen).tobytes()


@pytest.mark.parametrize("bands", [3, 4])
def test_a_picture_reduced_40_times_is_the_mean_of_areas(bands: int) -> None:
    overlay = noise((1600, 1200), bands)
    quad = [(0, 0), (40, 0), (40, 30), (0, 30)]
    expected = levels(overlay).reshape(30, 40, 40, 40, 4).mean(axis=(1, 3))
    assert np.abs(levels(warped(overlay, quad, (40, 30))) - expected).max() <= 4


@pytest.mark.parametrize("quad", [[(0, 0), (200, 0), (200, 5), (0, 5)], [(5, 0), (75, 70), (70, 75), (0, 5)]])
def test_a_picture_that_shrinks_along_one_axis_is_averaged(quad: Quad) -> None:
    y = np.mgrid[:240, :240][0]
    stripes = Image.fromarray(np.where(y % 4 < 2, 255, 0).astype(np.uint8)).convert("RGB")
    out = np.asarray(warped(stripes, quad, (200, 80)))
    assert np.abs(out[out[..., 3] == 255][:, :3].astype(int) - 127.5).mean() < 8


HUGE = [(-16384.0, -16384.0), (32768.0, -16000.0), (32000.0, 32768.0), (-16000.0, 32000.0)]
STRANGE = {
    "huge": HUGE,
    "a point": [(5, 5)] * 4,
    "a line": [(0, 0), (50, 50), (100, 100), (20, 20)],
    "a hair": [(0, 50), (16384, 50), (16384, 50.01), (0, 50.01)],
    "a hair across": [(0, 0), (16384, 16384), (16383.9, 16384), (0, 0.1)],
    "folded": [(0, 0), (100, 100), (100, 0), (0, 100)],
    "counter-clockwise": [(0, 0), (0, 100), (100, 100), (100, 0)],
    "hollow": [(0, 0), (100, 0), (20, 20), (0, 100)],
    "a triangle": [(0, 0), (100, 0), (100, 100), (50, 50)],
    "nearly a triangle": [(0, 0), (100, 0), (100, 100), (50, 49.99)],
    "to the horizon": [(-16384, 200), (149.99, 10), (150, 10), (32768, 200)],
    "a speck": [(10, 10), (10.1, 10), (10.1, 10.1), (10, 10.1)],
}


@pytest.mark.parametrize("quad", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("size", [(1, 1), (3000, 2000), (16384, 3)])
def test_no_quadrilateral_takes_more_memory_than_its_visible_part_needs(size: Size, quad: Quad) -> None:
    overlay = Image.new("RGB", size, "white")
    tracemalloc.start()
    out = np.asarray(warped(overlay, quad, BASE))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150_000_000
    assert (out[out[..., 3] > 0][:, :3] == 255).all()


@pytest.mark.parametrize("name", ["a point", "a line", "folded", "counter-clockwise", "hollow", "a triangle"])
def test_a_quadrilateral_that_is_not_convex_is_invisible(name: str) -> None:
    assert warped(smooth((20, 20)), STRANGE[name], BASE).getbbox() is None


@pytest.mark.parametrize("seed", range(20))
def test_any_four_corners_can_be_rendered(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(20):
        scale = 10 ** draw.uniform(0, 4)
        quad = [(draw.uniform(-scale, 2 * scale), draw.uniform(-scale, 2 * scale)) for _ in range(4)]
        warped(smooth((30, 40), "RGBA"), quad, (100, 90))
