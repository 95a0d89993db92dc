"""Processes of this machine that descend from one of ours."""

import time
from contextlib import suppress
from pathlib import Path

import psutil

PATIENCE_S = 60


def descendants(pid: int) -> set[int]:
    """All descendants of `pid`, in whatever session."""
    with suppress(psutil.NoSuchProcess):
        return {each.pid for each in psutil.Process(pid).children(recursive=True)}
    return set()


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
