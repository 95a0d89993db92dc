"""docs/reliability.md: a repeated submit is one request, and the waits between attempts are the code's."""

import json
import re
import subprocess
from pathlib import Path

from tests.stack import KEY
from worker.report import BACKOFF_FACTOR, FIRST_BACKOFF_S

PAGE = (Path(__file__).parents[2] / "docs/reliability.md").read_text()


def test_a_repeated_submit_is_one_request(service):
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


def test_the_waits_between_attempts_are_the_codes():
    stated = re.search(r"after about ([\d, ]+) s", PAGE)

    assert stated is not None
    waits = [FIRST_BACKOFF_S * BACKOFF_FACTOR**number for number in range(3)]
    assert list(map(int, stated[1].split(", "))) == waits
