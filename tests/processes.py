"""Processes of this machine that descend from one of ours."""

import subprocess
import time
from pathlib import Path

PATIENCE_S = 60


def descendants(pid: int) -> set[int]:
    """All descendants of `pid`, in whatever session."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    below = {pid}
    while more := {child for child, parent in pairs if parent in below} - below:
        below |= more
    return below - {pid}


def await_processes(pid: int, wanted: int) -> None:
    """Wait until `pid` has this number of descendants."""
    deadline = time.monotonic() + PATIENCE_S
    while len(descendants(pid)) != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def await_no_process(pids: set[int]) -> None:
    """Wait until all of these have ended."""
    deadline = time.monotonic() + PATIENCE_S
    while left := [pid for pid in pids if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
