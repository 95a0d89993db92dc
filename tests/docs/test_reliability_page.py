"""docs/reliability.md: its request runs, and its numbers are the settings'."""

import json
import re
import subprocess
from pathlib import Path

from jobs.config.settings import Settings
from tests.stack import KEY
from worker.report import BACKOFF_FACTOR, FIRST_BACKOFF_S

PAGE = (Path(__file__).parents[2] / "docs/reliability.md").read_text()


def test_the_request_that_is_repeated_is_one_request(service):
    (block,) = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    here = block.replace("http://127.0.0.1:8000", service.url).replace("curl -s ", "curl -si ")

    first, again = (
        subprocess.run(
            ["sh", "-euc", here], env={"KEY": KEY, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    )

    assert json.loads(first.splitlines()[-1]) == json.loads(again.splitlines()[-1])
    assert "idempotent-replayed: true" in again.lower()


def test_the_deadlines_are_the_settings():
    rows = re.findall(
        r"^\| `X-[\w-]+` \| `SUPERIMPOSE_(\w+)`, (\d+) \| `SUPERIMPOSE_(\w+)`, (\d+) \|$", PAGE, re.M
    )

    assert len(rows) == 2
    settings = Settings()
    for default, seconds, most, most_seconds in rows:
        assert getattr(settings, default.lower()) == int(seconds)
        assert getattr(settings, most.lower()) == int(most_seconds)


def test_the_waits_between_attempts_are_as_told():
    told = re.search(r"after about ([\d, ]+) s", PAGE)

    assert told is not None
    waits = [FIRST_BACKOFF_S * BACKOFF_FACTOR**number for number in range(3)]
    assert list(map(int, told[1].split(", "))) == waits


def test_every_setting_it_names_is_one():
    assert {name.lower() for name in re.findall(r"SUPERIMPOSE_(\w+)", PAGE)} <= set(Settings.model_fields)
