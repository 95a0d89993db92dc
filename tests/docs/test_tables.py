"""Tables of the pages are those of the code."""

import json
import re
from typing import get_args

import pytest

from api.errors import ErrorCode
from compositor.models import DEFAULT_MODEL, MODELS
from jobs.config.settings import Settings
from jobs.keys.admission import Bucket
from jobs.lifecycle.status import FailureCode
from tests.docs import settings_page
from tests.docs.pages import ROOT


def test_every_setting_has_its_default_and_meaning():
    assert settings_page.tables() in settings_page.PAGE.read_text(), "run python -m tests.docs.settings_page"


@pytest.mark.parametrize("model", MODELS)
def test_every_parameter_of_a_model_has_its_default_and_meaning(model):
    page = (ROOT / "docs/parameters.md").read_text()
    [table] = re.findall(rf"`POST /v2/{model}`[^|]*\n((?:\|.*\n)+)", page)
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*) \|$", table, re.MULTILINE)
    [above] = re.findall(r"^As above: (.*)$", page, re.MULTILINE)
    same = [] if model == DEFAULT_MODEL else re.findall(r"`(\w+)`", above)

    fields = MODELS[model].model_fields
    assert [name for name, *_ in rows] == [name for name in fields if name not in same]
    for name in same:
        there = MODELS[DEFAULT_MODEL].model_fields[name]
        assert (fields[name].default, fields[name].description) == (there.default, there.description)
    for name, default, allowed, meaning in rows:
        field = fields[name]
        assert meaning == field.description
        if field.is_required():
            assert default == "required"
        else:
            told = "" if field.default is None else json.dumps(field.default).strip('"')
            assert default.strip("` ") == told
        for word in get_args(field.annotation):
            assert not isinstance(word, str) or f"`{word}`" in allowed


def test_every_bucket_of_rates_has_its_default():
    page = (ROOT / "docs/keys.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .* \| `(.*)` \| `SUPERIMPOSE_(\w+)`", page, re.MULTILINE)

    assert [name for name, _, _ in rows] == list(Bucket)
    for _, default, setting in rows:
        assert default == str(Settings.model_fields[setting.lower()].default)


def test_every_error_is_listed_with_its_status():
    page = (ROOT / "docs/api.md").read_text()
    listed = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", page, re.MULTILINE)

    codes = [*((str(code.status), code) for code in ErrorCode), *(("422", code) for code in FailureCode)]
    assert sorted(listed) == sorted(codes)
