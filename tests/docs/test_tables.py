"""Tables of the pages are those of the code."""

import itertools
import json
import re
from typing import get_args

import pytest
from pydantic_core import PydanticUndefined

from api.errors import ErrorCode
from cli.main import app
from cli.printing import ExitCode
from compositor.models import DEFAULT_MODEL, MODELS
from jobs.config.environment import PREFIX
from jobs.config.settings import Settings
from jobs.keys.admission import Bucket
from jobs.lifecycle.status import FailureCode
from tests.docs.pages import ROOT

UNITS = {"GiB": 2**30, "MiB": 2**20}


def test_every_setting_has_its_default_and_meaning():
    page = (ROOT / "docs/settings.md").read_text()
    listed = re.findall(r"^## (.*)$|^\| `(SUPERIMPOSE_.*)` \| \S.* \|$", page, re.MULTILINE)

    expected = []
    for group in Settings.groups():
        expected.append((group.__doc__, ""))
        for name, field in group.model_fields.items():
            expected.append(("", f"{PREFIX}{name.upper()}{shown_default(name, field.default)}"))
    assert listed == expected


def shown_default(name: str, default: object) -> str:
    """Nothing where there is no default or the machine decides."""
    if default is PydanticUndefined or default in (None, "", (), False):
        return ""
    if name.endswith("_bytes") and isinstance(default, int):
        unit, size = next((unit, size) for unit, size in UNITS.items() if default % size == 0)
        return f" = {default // size} {unit}"
    return f"={','.join(default) if isinstance(default, tuple) else default}"


def test_every_range_of_a_setting_is_that_of_its_field():
    page = (ROOT / "docs/settings.md").read_text()
    rows = re.findall(rf"^\| `{PREFIX}(\w+).*\b(\d+) to (\d+)\b", page, re.MULTILINE)

    assert len(rows) > 5
    for name, low, high in rows:
        limits = str(Settings.model_fields[name.lower()].metadata)
        assert re.search(rf"\(g[et]={low}\), Le\(le={high}\)", limits), name


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
            shown = "" if field.default is None else json.dumps(field.default).strip('"')
            assert default.strip("` ") == shown
        for word in get_args(field.annotation):
            assert not isinstance(word, str) or f"`{word}`" in allowed


def test_every_bucket_of_rates_is_named_beside_its_setting():
    keys, settings = ((ROOT / f"docs/{page}.md").read_text() for page in ("keys", "settings"))
    rows = re.findall(r"^\| `SUPERIMPOSE_RATE_LIMIT.*$", settings, re.MULTILINE)

    for bucket in Bucket:
        assert f"`{bucket}`" in keys
        assert any(f"`{bucket}`" in row for row in rows), bucket


def test_the_default_and_largest_deadlines_are_the_settings():
    page = (ROOT / "docs/reliability.md").read_text()
    rows = re.findall(r"^\| `X-[\w-]+` \| (.*) \| (.*) \|$", page, re.MULTILINE)

    assert len(rows) == 2
    settings = Settings()
    for cell in itertools.chain(*rows):
        name, seconds = re.fullmatch(r"`SUPERIMPOSE_(\w+)`, (\d+)", cell).groups()
        assert getattr(settings, name.lower()) == int(seconds)


def test_every_command_and_every_exit_code_is_listed():
    page = (ROOT / "docs/command-line.md").read_text()
    listed = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE))))
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    groups = {group.name for group in app.registered_groups}

    assert commands | groups <= listed
    codes = {"0", *(str(int(code)) for code in ExitCode)}
    assert set(re.findall(r"^\| (\d+) \|", page, re.MULTILINE)) == codes


def test_every_error_is_listed_with_its_status():
    page = (ROOT / "docs/api.md").read_text()
    listed = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", page, re.MULTILINE)

    codes = [*((str(code.status), code) for code in ErrorCode), *(("422", code) for code in FailureCode)]
    assert sorted(listed) == sorted(codes)
