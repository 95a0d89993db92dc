"""The pictures of docs/parameters.md: one of every word, and as the compositor draws them now."""

import runpy
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from compositor import SuperimposeRequest
from tests.docs.pages import ROOT

FOLDER = ROOT / "docs/pictures"
DRAWN = runpy.run_path(str(FOLDER / "parameters.py"))
SHEETS = DRAWN["sheets"]()
WORDED = [
    name
    for name, field in SuperimposeRequest.model_fields.items()
    if any(isinstance(word, str) for word in get_args(field.annotation)) and name != "image_format"
]


@pytest.mark.parametrize("parameter", WORDED)
def test_every_word_is_pictured(parameter):
    labels = [cell.label for cell in SHEETS[parameter].cells]

    for word in DRAWN["words"](parameter):
        assert any(label.startswith(word) for label in labels), word


@pytest.mark.parametrize("name", SHEETS)
def test_the_picture_is_what_is_drawn_now(name):
    with Image.open(FOLDER / f"{name}.jpg") as kept:
        now = SHEETS[name].drawn()
        assert kept.size == now.size, "make docs-pictures"
        difference = np.abs(np.asarray(kept, float) - np.asarray(now, float)).mean()

    assert difference < 4, "make docs-pictures"


def test_the_page_shows_every_picture():
    page = (ROOT / "docs/parameters.md").read_text()

    for name in SHEETS:
        assert f"(pictures/{name}.jpg)" in page
