"""Processes: start and stop them, and what they have used."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from benchmarks.harness.machine import ROOT

Process = subprocess.Popen[bytes]

START_S = 60
STOP_S = 30
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class CannotStart(Exception):
    """A process does not run here; the text is the last line it wrote."""


@contextmanager
def started(command: Sequence[object], env: Mapping[str, str], log: Path) -> Iterator[Process]:
    """A process, ended by SIGTERM and only then by SIGKILL; Ctrl-C reaches it through us alone."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(map(str, command)),
            env=dict(env),
            cwd=ROOT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def await_answer(port: int, processes: Sequence[Process], log: Path) -> None:
    """Wait until HTTP is answered, with whatever status. Raises `CannotStart`."""
    deadline = time.monotonic() + START_S
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError, HTTPException), contextlib.closing(connection):
            connection.request("GET", "/livez")
            connection.getresponse()
            return
        if time.monotonic() > deadline or any(each.poll() is not None for each in processes):
            lines = log.read_text(errors="replace").strip().splitlines()
            raise CannotStart(lines[-1] if lines else "it wrote nothing")
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def below(roots: Iterable[int]) -> list[int]:
    """These processes and all their descendants, parents first."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = list(roots)
    for pid in found:  # grows as it goes
        found.extend(children.get(pid, []))
    return found


def cpu_s(roots: Iterable[int]) -> float:
    """Processor time used so far, descendants and children waited for included."""
    total = 0
    for pid in below(roots):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime: proc(5)
    return total * TICK_S


def resident_mb(pids: Iterable[int]) -> float:
    return sum(status_mb(pid, "VmRSS") for pid in pids)


def status_mb(pid: int | str, field: str) -> float:
    """A line of the process's status, which every user may read: VmRSS, VmHWM."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * 1024 / 1e6


def proportional_mb(pids: Iterable[int]) -> float | None:
    """Resident memory, pages that several share counted once; None where the kernel does not say."""
    total = 0.0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except ProcessLookupError:  # it has ended
            continue
        except OSError:  # another user's process, or a kernel without this file
            return None
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6
    return total


def use_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@contextmanager
def apart(server: int, *others: int) -> Iterator[None]:
    """The server on one core, the others and ourselves on another, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        yield
        return
    pids = (server, *others, 0)
    for pid in pids:
        os.sched_setaffinity(pid, {cores[0] if pid == server else cores[1]})
    yield
    for pid in pids:
        os.sched_setaffinity(pid, cores)
