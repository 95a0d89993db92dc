"""The attempts of a compromised decoding process: a content check for tests.

It can be run by itself too, as `python -m tests.worker.child.intruder PID...`, and then prints what it found.
"""

import ctypes
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from jobs.config.settings import Settings

MARK = re.compile(rb"CANARY[0-9]+")
"""The pattern of the tests' secrets; it does not match itself."""

TARGETS, FINDINGS = "targets.json", "findings.json"

_SEIZE, _DETACH = 0x4206, 17  # linux/ptrace.h
_PIDFD_OPEN, _PIDFD_GETFD = 434, 438
_LARGEST_REGION = 64 * 1024 * 1024

libc = ctypes.CDLL(None, use_errno=True)


class Intruder:
    """Tries all ways at the first picture, and lets all pictures pass."""

    def __init__(self, settings: Settings) -> None:
        self._directory = settings.data_dir

    def __call__(self, name: str, picture: Image.Image) -> None:  # noqa: ARG002
        targets, findings = self._directory / TARGETS, self._directory / FINDINGS
        if targets.exists() and not findings.exists():
            others = [pid for pid in json.loads(targets.read_text()) if pid != os.getpid()]
            findings.write_text(json.dumps(found(others) | {"self": ways_into(os.getpid())}))


def found(pids: list[int]) -> dict[str, dict[str, list[str]]]:
    """The marks that were found, by process and way into it; closed ways are omitted."""
    return {str(pid): ways_into(pid) for pid in pids}


def ways_into(pid: int) -> dict[str, list[str]]:
    """The marks found by each way of this process into another one or itself."""
    proc = Path(f"/proc/{pid}")
    ways: dict[str, Callable[[], bytes]] = {
        "cmdline": (proc / "cmdline").read_bytes,
        "environ": (proc / "environ").read_bytes,
        "mem": lambda: (proc / "mem").open("rb").read(0),
        "maps": lambda: memory(pid),
        "fd": lambda: b" ".join(bytes(link.readlink()) for link in (proc / "fd").iterdir()),
        "cwd": lambda: bytes((proc / "cwd").readlink()),
        "read": lambda: read(pid, 4096, 1) or b"",
        "ptrace": lambda: trace(pid),
        "getfd": lambda: take_file(pid),
        "signal": lambda: os.kill(pid, 0) or b"",
    }
    seen = {}
    for name, way in ways.items():
        try:
            seen[name] = sorted({mark.decode() for mark in MARK.findall(way())})
        except OSError:
            continue
    return seen


def memory(pid: int) -> bytes:
    """The marks in the writable memory of a process."""
    marks = []
    for line in (Path(f"/proc/{pid}/maps")).read_text().splitlines():
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if " rw" in line and end - start <= _LARGEST_REGION:
            marks += MARK.findall(read(pid, start, end - start) or b"")
    return b" ".join(marks)


class Span(ctypes.Structure):
    """`struct iovec`."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def read(pid: int, start: int, size: int) -> bytes | None:
    """By process_vm_readv(2); None if nothing is mapped."""
    buffer = ctypes.create_string_buffer(size)
    ours, theirs = Span(ctypes.addressof(buffer), size), Span(start, size)
    got = libc.process_vm_readv(pid, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)
    if got < 0 and ctypes.get_errno() == 14:  # EFAULT
        return None
    return buffer.raw[: checked(got)]


def trace(pid: int) -> bytes:
    """Attach to the process as a debugger does, and detach."""
    checked(libc.ptrace(_SEIZE, pid, None, None))
    libc.ptrace(_DETACH, pid, None, None)
    return b""


def take_file(pid: int) -> bytes:
    """Duplicate its standard error."""
    process = checked(libc.syscall(_PIDFD_OPEN, pid, 0))
    try:
        os.close(checked(libc.syscall(_PIDFD_GETFD, process, 2, 0)))
    finally:
        os.close(process)
    return b""


def checked(result: int) -> int:
    """The result of a system call. Raises `OSError` if it failed."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


if __name__ == "__main__":
    if "--confined" in sys.argv:
        from worker.privileges import drop_privileges

        drop_privileges()
    print(json.dumps(found([int(pid) for pid in sys.argv[1:] if pid.isdecimal()])))
