"""The service accepts all requests of the mix, and the page has their probabilities."""

import json
import re
from pathlib import Path

import pytest

from compositor.models import MODELS
from jobs.pictures.inputs import pictures
from loadtest.mix import KINDS, body
from loadtest.pictures import find, place_pictures

PAGE = Path(__file__).parents[3] / "docs" / "PERFORMANCE.md"
ORIGIN = "http://192.0.2.7:9000/"


@pytest.mark.parametrize(("model", "layers", "image_format"), [kind for _, kind in KINDS])
def test_requests_are_valid_for_their_model_and_their_pictures_exist(model, layers, image_format):
    urls = place_pictures(lambda files: [f"{ORIGIN}{name}" for name in files])
    for _ in range(100):
        params = body(layers, image_format, urls)

        MODELS[model].model_validate_json(json.dumps(params))
        assert all(find(url.removeprefix(ORIGIN)) for url in pictures(params).values())


def test_the_page_in_the_docs_has_the_probability_of_each_kind():
    (shares,) = re.findall(r"Requests: ([^.]+)\.", PAGE.read_text())

    assert [int(share) for share in re.findall(r"(\d+) %", shares)] == [share for share, _ in KINDS]
    assert sum(share for share, _ in KINDS) == 100
