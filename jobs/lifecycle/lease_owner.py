"""The owner of a lease, and how others on its machine see that its process is gone.

A process is gone for certain when its PID namespace has no process with its PID and start time. Other
machines wait until the lease expires, and so do all where there is no /proc.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

PROC = Path("/proc")

_START_TIME = 19  # in what follows the name in /proc/PID/stat: proc(5) counts it 22nd, from 1


@dataclass(frozen=True)
class LeaseOwner:
    """A worker process: RQ's name of the worker, its machine, and `process`, `"pid start"` on it."""

    worker: str
    machine: str
    process: str

    @classmethod
    def this_process(cls, worker: str) -> Self:
        return cls(worker, this_machine(), process(os.getpid()))


@cache
def this_machine() -> str:
    """The kernel's boot and the PID namespace: processes that share both see each other's PIDs."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return "unknown"


def process(pid: int) -> str:
    """`"pid start"` of a process of this machine, or its PID alone where there is no /proc."""
    return f"{pid} {_started(pid) or ''}".strip()


def is_gone(process: str) -> bool:
    """Whether the process `"pid start"` of this machine has ended for certain."""
    pid, _, start = process.partition(" ")
    if not start or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # of another user, which /proc may hide
        return False
    return _started(int(pid)) != start


def _started(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; None if it is gone, or only left to be reaped."""
    try:
        state, *fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else fields[_START_TIME - 1]
