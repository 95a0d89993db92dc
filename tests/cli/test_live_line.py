"""The progress line on a terminal."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

from cli.run.progress import describe
from tests.cli.conftest import TIMEOUT_S

CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


def run_on_terminal(*arguments: str) -> tuple[bytes, bytes]:
    """What a command writes to stdout, and to a terminal as its stderr."""
    terminal, theirs = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "run", *arguments],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=env,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(terminal, 65536):
            shown += part
    except OSError:  # the process has ended
        os.close(terminal)
    return process.communicate(timeout=TIMEOUT_S)[0], shown


def test_the_line_is_updated_in_place_and_ends_with_the_timings(superimpose, folder):
    printed, shown = run_on_terminal("--base", "cup.jpg", "--overlay", "logo.png", "-o", "out.png")

    assert printed.startswith(b"out.png: png, 600 x 400")
    assert b"\x1b[2K" in shown, "a line is cleared to be written anew"
    assert b"COMPLETED in " in CONTROL.sub(b"", shown)
    assert b"\nuploading" not in CONTROL.sub(b"", shown)


def test_the_bar_of_a_folder_leaves_stdout_to_json(superimpose, folder):
    (folder / "shirts").mkdir()
    shutil.copy("cup.jpg", "shirts")

    printed, shown = run_on_terminal("--base-dir", "shirts", "--overlay", "logo.png", "-o", "out", "--json")

    assert json.loads(printed)["output"] == "out/cup.jpg"
    assert b"1/1" in CONTROL.sub(b"", shown)
    assert b"1 made in" in CONTROL.sub(b"", shown)


def test_the_position_in_the_queue_is_shown():
    assert describe({"status": "QUEUED", "queue_position": 0}) == "QUEUED, next"
    assert describe({"status": "QUEUED", "queue_position": 1200}) == "QUEUED, 1,200 before it"
    assert describe({"status": "PROCESSING"}) == "PROCESSING"
