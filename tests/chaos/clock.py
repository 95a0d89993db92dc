"""The environment of a process with a shifted clock, by libfaketime."""

import os
import shutil
import subprocess
from pathlib import Path

AHEAD_S = 95


def shifted() -> dict[str, str] | None:
    """Variables for a shifted clock; None if `faketime` is not on PATH.

    The monotonic clock is not shifted, as when the clock of a machine is set.
    """
    program = shutil.which("faketime")
    if program is None:
        return None
    show = [program, "-m", "-f", f"+{AHEAD_S}s", "printenv", "LD_PRELOAD"]
    library = subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip()
    return {
        "LD_PRELOAD": library,
        "FAKETIME": f"+{AHEAD_S}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(Path(__file__).with_name("other_clock")),
    }


def missing() -> str | None:
    """Why the clock cannot be shifted here; raises on CI."""
    if shutil.which("faketime"):
        return None
    reason = "no faketime on PATH (apt install faketime)"
    assert os.environ.get("CI") != "true", reason
    return reason
