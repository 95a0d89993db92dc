"""A command as a user runs it, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def python(*arguments: str, key: str = "") -> "subprocess.CompletedProcess[str]":
    """Run Python in the clone to its end, with an API key in the environment."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"KEY": key}, capture_output=True, text=True)
