"""docs/keys.md and the README's word on keys: every block runs as it stands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.admission import Bucket
from jobs.settings import Settings
from tests.stack import environment, running

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/keys.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
ADMIN_KEY = "admin-key-of-the-page-on-keys"


@pytest.fixture(scope="module")
def run(redis_socket, tmp_path_factory):
    """Runs a block in a shell where `superimpose` is ours, against a service with an admin API."""
    folder = tmp_path_factory.mktemp("keys")
    command = folder / ".venv/bin/superimpose"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m cli "$@"\n')
    command.chmod(0o755)
    env = environment(f"unix://{redis_socket}?db=9", folder, admin_key=ADMIN_KEY)
    with running(env, workers=0) as stack:
        path = {"PATH": f"{command.parent}:{os.environ['PATH']}", "ADMIN_KEY": ADMIN_KEY}

        def run(block: str) -> str:
            here = block.replace("http://127.0.0.1:8000", stack.url)
            done = subprocess.run(
                ["sh", "-euc", here], env=env | path, cwd=folder, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        yield run


def test_every_command_of_the_page_runs(run):
    create, manage, admin = BLOCKS

    assert run(create).startswith("si_")
    managed = run(manage)
    assert "has 1500 credits" in managed
    assert "has 1400 credits" in managed
    assert "is no longer valid" in managed
    made, listed = run(admin).replace("}{", "}\n{").splitlines()
    assert json.loads(made)["key"].startswith("si_")
    assert [key["name"] for key in json.loads(listed)["keys"]] == ["dev", "my-shop"]


def test_the_command_of_the_readme_runs(run):
    readme = (ROOT / "README.md").read_text()
    (block,) = re.findall(r"^```sh\n(\.venv/bin/superimpose keys.*?)^```", readme, re.DOTALL | re.MULTILINE)

    assert run(block).startswith("si_")


def test_every_bucket_is_listed_with_its_default():
    rows = re.findall(r"^\| `(\w+)` \| .* \| `(.*)` \| `SUPERIMPOSE_(\w+)`", PAGE, re.MULTILINE)

    assert [name for name, _, _ in rows] == list(Bucket)
    for _, default, setting in rows:
        assert default == str(Settings.model_fields[setting.lower()].default)
