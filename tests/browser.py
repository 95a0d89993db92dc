"""A real browser, offline, started for one page."""

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
    """The DOM after the page's scripts have run; `folder` is for the browser's profile."""
    command = [chromium, *FLAGS, *flags, f"--user-data-dir={folder / 'profile'}", "--dump-dom", url]
    return subprocess.run(command, capture_output=True, timeout=150, check=True, text=True)
