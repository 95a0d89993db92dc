"""A folder like a clone in which `make up` runs, and a shell in it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.node import PEERS
from tests.stack import KEY, Stack, empty_database, environment, running

ADMIN_KEY = "admin-key-of-the-documentation"
URL = "http://127.0.0.1:8000"

Run = Callable[..., str]


@pytest.fixture(scope="session")
def documented(redis_socket: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The service that the pages refer to."""
    folder = tmp_path_factory.mktemp("clone")
    env = environment(
        empty_database(redis_socket, 11),
        folder / "data",
        admin_key=ADMIN_KEY,
        metrics="true",
        fetch_allow="127.0.0.1/32",
        webhook_secret="a-master-secret-of-the-documentation",
    )
    for name in ("jobs", "docs", "observability"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "node_modules").symlink_to(PEERS / "standardwebhooks" / "node_modules")
    (folder / "data").mkdir()
    (folder / "data" / "dev-api-key").write_text(KEY)
    command = folder / ".venv" / "bin" / "superimpose"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m cli "$@"\n')
    command.chmod(0o755)
    with running(env, workers=1) as stack:
        yield stack


@pytest.fixture(scope="session")
def run(documented: Stack) -> Run:
    """Runs a block in the folder with `sh` or `python`, and returns its output."""
    folder = Path(documented.env["SUPERIMPOSE_DATA_DIR"]).parent
    env = {
        **documented.env,
        "PATH": f"{folder}/.venv/bin:{Path(sys.executable).parent}:{documented.env['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
        "KEY": KEY,
        "ADMIN_KEY": ADMIN_KEY,
        "WEBHOOK_SECRET": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "SUPERIMPOSE_SERVER": documented.url,
        "SUPERIMPOSE_API_KEY": KEY,
    }

    def run(language: str, text: str) -> str:
        command = {
            "sh": ["sh", "-euc"],
            "python": [sys.executable, "-c"],
            "js": ["node", "--input-type=module", "-e"],
        }[language]
        here = text.replace(URL, documented.url)
        done = subprocess.run(
            [*command, here], cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{here}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run
