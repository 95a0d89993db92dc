"""`image_quality: "keep"`: a JPEG output with the coding of its base."""

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from compositor import CompositorError, SuperimposeParams, superimpose
from tests.compositor.pictures import opened, plain, png, saved

KEEP = SuperimposeParams(image_quality="keep", opacity=0)


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    """Smooth, so that encoding it again loses little."""
    x, y = np.meshgrid(np.linspace(0, 255, 64), np.linspace(0, 255, 48))
    image = Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8)).convert(mode)
    return saved(image, "JPEG", **options)


@pytest.mark.parametrize("quality", [12, 75, 98])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_tables_and_subsampling_are_those_of_the_base(quality, subsampling):
    base = jpeg(quality=quality, subsampling=subsampling)

    answer = opened(superimpose(base, plain((5, 5), "red"), KEEP).data)

    assert answer.quantization == opened(base).quantization
    assert JpegImagePlugin.get_sampling(answer) == subsampling


def test_pixels_beside_the_overlay_change_less_than_at_quality_95():
    base = jpeg(quality=60)
    before = np.asarray(opened(base).convert("RGB"), float)

    def difference(params: SuperimposeParams) -> float:
        answer = superimpose(base, plain((5, 5), "red"), params).data
        return float(np.abs(np.asarray(opened(answer), float) - before).mean())

    assert difference(KEEP) < difference(SuperimposeParams(opacity=0)) / 2


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_base_of_other_colours_keeps_its_luminance_table(mode):
    base = jpeg(mode, quality=70)

    answer = opened(superimpose(base, plain((5, 5), "red"), KEEP).data)

    assert answer.quantization[0] == opened(base).quantization[0]


def test_quantisation_steps_above_255_are_written_as_baseline():
    base = jpeg(qtables=[[600] * 64, [600] * 64])

    answer = opened(superimpose(base, plain((5, 5), "red"), KEEP).data)

    assert answer.quantization[0] == [255] * 64


def test_a_base_that_is_not_a_jpeg_is_named():
    with pytest.raises(CompositorError, match=r'^image_quality: "keep" needs a JPEG file') as error:
        superimpose(plain((9, 9), "red"), png(np.zeros((5, 5, 3), np.uint8)), KEEP)

    assert error.value.code == "invalid_parameters"


def test_keep_contradicts_another_format():
    with pytest.raises(ValueError, match='image_quality "keep" is for image_format "jpeg"'):
        SuperimposeParams(image_quality="keep", image_format="png")
