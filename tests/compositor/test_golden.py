"""The reference node's pictures, made by running it unchanged (golden/cases.json)."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compositor import SuperimposeParams, superimpose

GOLDEN = Path(__file__).parent / "golden"
CASES = json.loads((GOLDEN / "cases.json").read_text())


def difference(case: dict) -> np.ndarray:
    files = [GOLDEN / "in" / case[name] for name in ("base_image", "overlay_image", "mask") if case[name]]
    base, overlay, *mask = [file.read_bytes() for file in files]
    out = superimpose(base, overlay, SuperimposeParams(**case["params"], image_format="png"), *mask)
    ours = np.asarray(Image.open(io.BytesIO(out.data)))
    expected = np.asarray(Image.open(GOLDEN / "out" / case["expected"]))
    return np.abs(ours.astype(int) - expected).max(axis=-1)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["params"]["rotation"] % 90 == 0], ids=lambda c: c["id"]
)
def test_an_unrotated_picture_is_the_references_within_a_level_and_three_with_a_mask(case: dict) -> None:
    assert difference(case).max() <= (3 if case["mask"] else 1)


@pytest.mark.parametrize("case", [c for c in CASES if c["params"]["rotation"] % 90], ids=lambda c: c["id"])
def test_a_rotated_picture_is_the_references_within_two_levels_on_99_percent_of_its_pixels(
    case: dict,
) -> None:
    assert (difference(case) <= 2).mean() >= 0.99
