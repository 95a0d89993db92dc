"""Which versions of its packages a contestant runs with."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

ASK = "import importlib.metadata as m, json, sys; print(json.dumps([m.version(n) for n in sys.argv[1:]]))"


def versions(python: Path, packages: Sequence[str]) -> str:
    """As one line; empty where they are not installed."""
    asked = subprocess.run([python, "-c", ASK, *packages], capture_output=True, text=True, check=False)
    found = json.loads(asked.stdout) if asked.returncode == 0 else []
    return ", ".join(f"{name} {version}" for name, version in zip(packages, found, strict=False))
