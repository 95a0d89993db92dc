"""Node, with a package that `make test` installs; on CI both must exist."""

import shutil
from pathlib import Path

from tests.missing import missing

PEERS = Path(__file__).parents[1] / ".venv-peers"


def node_with(package: str) -> tuple[str, Path]:
    """The executable and the folder to run it in. Skips the test if one is missing."""
    node, folder = shutil.which("node"), PEERS / package
    if node is None:
        missing("no node on PATH")
    if not (folder / "node_modules" / package).exists():
        missing(f"{package} for Node is not installed: `make test` does it, with npm")
    return node, folder
