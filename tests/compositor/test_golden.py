"""The pictures of the unchanged reference node (golden/cases.json)."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from compositor import SuperimposeParams, superimpose
from tests.compositor.pictures import opened

GOLDEN = Path(__file__).parent / "golden"
CASES = json.loads((GOLDEN / "cases.json").read_text())


def difference(case: dict) -> np.ndarray:
    files = [GOLDEN / "in" / case[name] for name in ("base_image", "overlay_image", "mask") if case[name]]
    base, overlay, *mask = [file.read_bytes() for file in files]
    out = superimpose(base, overlay, SuperimposeParams(**case["params"], image_format="png"), *mask)
    ours = np.asarray(opened(out.data))
    expected = np.asarray(Image.open(GOLDEN / "out" / case["expected"]))
    return np.abs(ours.astype(int) - expected).max(axis=-1)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["params"]["rotation"] % 90 == 0], ids=lambda c: c["id"]
)
def test_an_unrotated_picture_equals_the_references_within_1_level_or_3_with_a_mask(case: dict) -> None:
    assert difference(case).max() <= (3 if case["mask"] else 1)


def border(case: dict) -> np.ndarray:
    """(height, width) bool: within a pixel of the rotated overlay's border, which the reference aliases."""
    params = SuperimposeParams(**case["params"])
    files = [(GOLDEN / "in" / case[name]).read_bytes() for name in ("base_image", "overlay_image")]
    base, overlay = (opened(file).size for file in files)
    turned = Image.new("L", params.layer().sized(overlay, base), 255).rotate(params.rotation, expand=True)
    seen = Image.new("L", base)
    seen.paste(turned, (params.x_offset, params.y_offset))
    least, greatest = (seen.filter(kind(3)) for kind in (ImageFilter.MinFilter, ImageFilter.MaxFilter))
    return np.asarray(least) != np.asarray(greatest)


@pytest.mark.parametrize("case", [c for c in CASES if c["params"]["rotation"] % 90], ids=lambda c: c["id"])
def test_99_percent_of_a_rotated_picture_equal_the_references_within_2_levels(
    case: dict,
) -> None:
    assert (difference(case)[~border(case)] <= 2).mean() >= 0.99
