"""The processes of a run, found in /proc by a mark in their environment, which children inherit."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = "CHAOS_RUN"
ZOMBIE = "Z"


@dataclass(frozen=True)
class Process:
    """The current state of a process."""

    pid: int
    parent: int
    state: str
    command: str

    def __str__(self) -> str:
        return f"{self.pid} (parent {self.parent}, {self.state}) {self.command}"


def processes(run: str) -> list[Process]:
    """All processes of a run, including zombies of one."""
    marked = dict(_processes(run))
    ours = {process.pid for process, is_ours in marked.items() if is_ours}
    return [process for process in marked if process.pid in ours or process.parent in ours]


def children(pid: int) -> list[int]:
    """The pids of a process's living children."""
    return [process.pid for process, _ in _processes("") if process.parent == pid and process.state != ZOMBIE]


def _processes(run: str) -> Iterator[tuple[Process, bool]]:
    mark = f"{MARK}={run}\0".encode()
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            name, _, rest = (directory / "stat").read_text().rpartition(")")
            state, parent, *_ = rest.split()
            command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            process = Process(int(directory.name), int(parent), state, command or name)
            yield process, mark in _environ(directory)


def _environ(directory: Path) -> bytes:
    try:
        return (directory / "environ").read_bytes()
    except OSError:  # a zombie, or another user's
        return b""
