"""The owner of a lease, and how other processes of its machine find out that it is gone.

A process is certainly gone when its PID namespace has no process with its PID and start time. Other machines,
and all machines without /proc, wait until the lease expires.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

PROC = Path("/proc")

_START_TIME = 19  # index after the fields up to `state` in /proc/PID/stat: field 22 in proc(5)


@dataclass(frozen=True)
class LeaseOwner:
    """A worker process: RQ's name of the worker, its machine, and `process` as `"<pid> <start>"`."""

    worker: str
    machine: str
    process: str

    @classmethod
    def this_process(cls, worker: str) -> Self:
        return cls(worker, this_machine(), process(os.getpid()))


@cache
def this_machine() -> str:
    """Boot id and PID namespace: processes that share both see each other's PIDs."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return "unknown"


def process(pid: int) -> str:
    """`"<pid> <start>"` of a process of this machine, or only its PID without /proc."""
    return f"{pid} {_start_time(pid) or ''}".strip()


def is_gone(process: str) -> bool:
    """Whether the process `"<pid> <start>"` of this machine has certainly ended."""
    pid, _, start = process.partition(" ")
    if not start or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # the process of another user, which /proc may hide
        return False
    return _start_time(int(pid)) != start


def _start_time(pid: int) -> str | None:
    """The start of a process in the kernel's ticks; None if it is gone or a zombie."""
    try:
        state, *fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else fields[_START_TIME - 1]
