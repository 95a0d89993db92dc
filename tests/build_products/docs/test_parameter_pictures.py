"""The pictures of docs/parameters.md: one of every word, and as the compositor draws them now."""

import runpy
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from compositor.models import DEFAULT_MODEL, MODELS
from compositor.models.parameters import OutputParams
from tests.docs.pages import ROOT

FOLDER = ROOT / "docs/pictures"
DRAWN = runpy.run_path(str(FOLDER / "parameters.py"))
SHEETS = DRAWN["sheets"]()
WORDED = [
    (model, name)
    for model in MODELS
    for name, field in MODELS[model].model_fields.items()
    if any(isinstance(word, str) for word in get_args(field.annotation)) and name != "image_format"
]
UNWORDED = ("scale_to", "rotation", "opacity", "mask", "tile", "color", "overlays", "corners")
UNWORDED += ("displacement_map", "background", "image_quality")


@pytest.mark.parametrize(("model", "parameter"), WORDED)
def test_every_word_is_pictured(model, parameter):
    names = [parameter] if model == DEFAULT_MODEL else [f"{parameter}_v2"]
    if parameter == "blend_mode" or parameter in OutputParams.model_fields:
        names.append(parameter)  # what both models have is pictured once
    labels = [cell.label for name in names if name in SHEETS for cell in SHEETS[name].cells]

    for word in DRAWN["words"](parameter, model):
        assert any(label.startswith(word) for label in labels), word


@pytest.mark.parametrize("name", UNWORDED)
def test_what_has_no_words_is_pictured_too(name):
    assert len(SHEETS[name].cells) > 2


def test_a_quality_that_is_a_word_is_pictured():
    assert "jpeg, keep" in [cell.label for cell in SHEETS["image_quality"].cells]


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
