"""The pictures of docs/parameters.md and docs/command-line.md are complete and up to date."""

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
OTHERS = ("scale_to", "rotation", "opacity", "mask", "tile", "color", "overlays", "corners")
OTHERS += ("displacement_map", "background", "image_quality")


@pytest.mark.parametrize(("model", "parameter"), WORDED)
def test_every_word_has_a_picture(model, parameter):
    names = [parameter] if model == DEFAULT_MODEL else [f"{parameter}_v2"]
    if parameter == "blend_mode" or parameter in OutputParams.model_fields:
        names.append(parameter)  # parameters of both models are pictured once
    labels = [cell.label for name in names if name in SHEETS for cell in SHEETS[name].cells]

    for word in DRAWN["words"](parameter, model):
        assert any(label.startswith(word) for label in labels), word


@pytest.mark.parametrize("name", OTHERS)
def test_parameters_without_words_have_pictures_too(name):
    assert len(SHEETS[name].cells) > 2


def test_a_quality_that_is_a_word_has_a_picture():
    assert "jpeg, keep" in [cell.label for cell in SHEETS["image_quality"].cells]


@pytest.mark.parametrize("name", SHEETS)
def test_the_pictures_are_up_to_date(name):
    with Image.open(FOLDER / f"{name}.jpg") as stored:
        now = SHEETS[name].drawn()
        assert stored.size == now.size, "make docs-pictures"
        difference = np.abs(np.asarray(stored, float) - np.asarray(now, float)).mean()

    assert difference < 4, "make docs-pictures"


def test_the_page_shows_every_picture():
    page = (ROOT / "docs/parameters.md").read_text()

    for name in SHEETS:
        assert f"(pictures/{name}.jpg)" in page


def test_the_terminal_pictures_are_up_to_date():
    drawn = runpy.run_path(str(FOLDER / "terminal.py"))

    for name, shown in drawn["pictures"]().items():
        assert (FOLDER / name).read_text() == shown, "make docs-pictures"
