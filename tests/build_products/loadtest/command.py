"""Runs a command as a user would, in its own process."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def python(*arguments: str, key: str = "") -> "subprocess.CompletedProcess[str]":
    """Run Python in the clone until it ends, with an API key in the environment."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"KEY": key}, capture_output=True, text=True)
