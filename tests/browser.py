"""A real browser, offline, run once for one page."""

import subprocess
from pathlib import Path

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
]


def visit(chromium: str, folder: Path, url: str, *flags: str) -> "subprocess.CompletedProcess[str]":
    """The page as it is after its scripts have run, on stdout; `folder` is for the browser's profile."""
    command = [chromium, *FLAGS, *flags, f"--user-data-dir={folder / 'profile'}", "--dump-dom", url]
    return subprocess.run(command, capture_output=True, timeout=150, check=True, text=True)
