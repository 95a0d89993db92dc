"""The environment in which a process sees another time, by libfaketime."""

import os
import shutil
import subprocess
from pathlib import Path

AHEAD_S = 95


def shifted() -> dict[str, str] | None:
    """What to add to an environment; None where `faketime` is not on PATH.

    Time limits and waits count on the monotonic clock, which runs on as it does when a clock is set.
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
    """Why no clock can be shifted here; raises on CI, where it must be possible."""
    if shutil.which("faketime"):
        return None
    reason = "no faketime on PATH (apt install faketime)"
    assert os.environ.get("CI") != "true", reason
    return reason
