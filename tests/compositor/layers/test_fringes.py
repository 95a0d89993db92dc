"""The colour of transparent pixels must never become visible."""

import numpy as np
import pytest

from compositor import SuperimposeParams, superimpose
from tests.compositor.pictures import pixels, png


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
