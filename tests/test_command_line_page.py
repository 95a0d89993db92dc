"""docs/command-line.md: every block runs as it stands, answers look like that, pictures are today's."""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from cli.exit_codes import ExitCode
from cli.main import app
from tests.stack import KEY

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/command-line.md").read_text()
BLOCKS = dict.fromkeys(re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))


@pytest.fixture
def run(service, tmp_path):
    """Runs a block in a folder that looks like a clone, in a shell where `superimpose` is ours."""
    (tmp_path / "jobs").symlink_to(ROOT / "jobs")
    command = tmp_path / ".venv/bin/superimpose"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m cli "$@"\n')
    command.chmod(0o755)
    env = {
        **service.env,
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "SUPERIMPOSE_SERVER": service.url,
        "SUPERIMPOSE_API_KEY": KEY,
    }

    def run(block: str) -> str:
        done = subprocess.run(["sh", "-euc", block], env=env, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_every_block_runs_and_its_answers_are_as_printed(run, tmp_path):
    one, as_json, folder, requests, queue, doctor = BLOCKS

    assert re.fullmatch(r"cup\.png: png, 600 x 400, [\d,]+ bytes\n", run(one))
    with Image.open(tmp_path / "cup.png") as made:
        assert made.format == "PNG"
    (printed,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    made = json.loads(run(as_json))
    assert made.keys() == json.loads(printed).keys()
    assert made["metrics"].keys() == json.loads(printed)["metrics"].keys()
    run(folder)
    assert sorted(path.name for path in (tmp_path / "out").glob("*.jpg")) == ["blue.jpg", "red.jpg"]
    assert re.search(r"^status +COMPLETED$", run(requests), re.MULTILINE)
    assert "waiting" in run(queue)
    assert "ok   codecs written     jpeg, png, webp, avif" in run(doctor)


def test_the_pictures_are_what_a_terminal_shows_today():
    drawn = runpy.run_path(str(ROOT / "docs/pictures/terminal.py"))

    for name, shown in drawn["pictures"]().items():
        assert (ROOT / "docs/pictures" / name).read_text() == shown, "run docs/pictures/terminal.py"


def test_every_command_and_every_exit_code_is_listed():
    listed = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE))))
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    groups = {group.name for group in app.registered_groups}

    assert commands | groups <= listed
    assert set(re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)) == {
        "0",
        *(str(int(code)) for code in ExitCode),
    }
