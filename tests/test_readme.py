"""What the README says is true: its blocks run, its answers look like that, its table is the settings."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from PIL import Image
from pydantic_core import PydanticUndefined

from compositor import SuperimposeRequest
from jobs.settings import Settings
from tests.stack import KEY

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
SH = [text for language, text in BLOCKS if language == "sh"]
PYTHON = [text for language, text in BLOCKS if language == "python"]
JSON = [json.loads(text) for language, text in BLOCKS if language == "json"]


@pytest.fixture
def clone(tmp_path, service):
    """A folder that looks like a clone in which `make up` runs."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dev-api-key").write_text(KEY)
    (tmp_path / "jobs").symlink_to(ROOT / "jobs")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    command = tmp_path / ".venv" / "bin" / "superimpose"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m cli "$@"\n')
    command.chmod(0o755)
    return tmp_path


def run(text: str, folder: Path, url: str, *command: str) -> str:
    here = text.replace("http://127.0.0.1:8000", url)
    done = subprocess.run([*command, here], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shape(value: Any) -> Any:
    """Names and types, without values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return "number" if isinstance(value, int | float) else type(value).__name__


@pytest.mark.skipif(not shutil.which("curl") and not os.environ.get("CI"), reason="needs curl")
def test_the_request_and_its_answers_are_as_printed(service, clone):
    submit, follow = SH[0], SH[1]

    submitted = json.loads(run(submit, clone, service.url, "sh", "-c"))
    service.finish(submitted["request_id"])
    result = json.loads(run(f"KEY={KEY}\n{follow}", clone, service.url, "sh", "-c"))

    assert [shape(submitted), shape(result)] == [shape(expected) for expected in JSON]
    assert result["images"][0]["width"] == JSON[1]["images"][0]["width"]


def test_the_segmind_example_runs(service, clone):
    [example] = PYTHON

    printed = run(
        f"import warnings; warnings.simplefilter('ignore')\n{example}",
        clone,
        service.url,
        sys.executable,
        "-c",
    )

    assert printed.startswith(f"{service.url}/pictures/")


def test_the_example_without_a_server_makes_the_picture_on_top(service, clone):
    [compose] = [text for text in SH if "compose jobs/samples" in text]

    run(compose, clone, service.url, "sh", "-c")

    with (
        Image.open(clone / "cup-with-logo.jpg") as made,
        Image.open(ROOT / "docs/cup-with-logo.jpg") as shown,
    ):
        assert made.tobytes() == shown.tobytes()


def shown(default: Any) -> str:
    """A default as the environment would give it; nothing where there is none or the machine decides."""
    if default is PydanticUndefined or not default:
        return ""
    return f"`{','.join(default) if isinstance(default, tuple) else default}`"


def test_the_table_lists_every_setting_with_its_default_and_meaning():
    rows = re.findall(r"^\| `SUPERIMPOSE_(\w+)` \| (.*?) \| (.*) \|$", README, re.MULTILINE)
    settings = [
        (name.upper(), shown(field.default), field.description)
        for name, field in Settings.model_fields.items()
    ]

    assert [(name, default.strip(), meaning) for name, default, meaning in rows] == settings


def test_the_parameters_are_all_documented_with_their_defaults():
    text = (ROOT / "docs/parameters.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*?) \| (.*) \|$", text, re.MULTILINE)

    assert [name for name, *_ in rows] == list(SuperimposeRequest.model_fields)
    for name, _, default, allowed, meaning in rows:
        field = SuperimposeRequest.model_fields[name]
        assert meaning == field.description
        if field.is_required():
            assert default == "required"
        else:
            assert default.strip("` ") == (
                "" if field.default is None else json.dumps(field.default).strip('"')
            )
        for word in get_args(field.annotation):
            assert not isinstance(word, str) or f"`{word}`" in allowed


def test_every_link_and_verb_exists():
    makefile = (ROOT / "Makefile").read_text()

    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    typed = " ".join(re.findall(r"^    .*$|`[^`]+`", README, re.MULTILINE))
    for verb in re.findall(r"\bmake ([a-z-]+)", typed):
        assert re.search(rf"^{verb}:", makefile, re.MULTILINE), verb


def test_the_stack_block_uses_services_of_the_compose_file():
    compose = (ROOT / "docker-compose.yml").read_text()
    [block] = [text for text in SH if text.startswith("docker compose")]

    for service in set(re.findall(r"--scale (\w+)=|exec (\w+) ", block)):
        assert re.search(rf"^  {''.join(service)}:", compose, re.MULTILINE)
