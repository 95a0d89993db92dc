"""Processes of a benchmark's own: start, wait for and stop them, and what they have used."""

import contextlib
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TypeVar

import psutil

from benchmarks.harness.machine import ROOT

Process = subprocess.Popen[bytes]
T = TypeVar("T")

START_S = 60
STOP_S = 30
PATIENCE_S = 120


class CannotStart(Exception):
    """A process does not run here; the text is the last line it wrote."""


@contextmanager
def started(command: Sequence[str | Path], env: Mapping[str, str], log: Path) -> Iterator[Process]:
    """A process, ended by SIGTERM and then by SIGKILL; Ctrl-C reaches it through us alone."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=env, cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # itself, or what it forked and left behind
        process.wait()


def in_own_process(work: Callable[..., T], *arguments: object) -> T:
    """What `work` returns in a fresh process, whose processor time and memory are its alone."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def until(ask: Callable[[], T], what: str, pause_s: float = 0.02, patience_s: float = PATIENCE_S) -> T:
    """What `ask` returns once that is true. Raises TimeoutError."""
    deadline = time.monotonic() + patience_s
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} within {patience_s} s")
        time.sleep(pause_s)
    return answer


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


def below(roots: Iterable[int]) -> list[psutil.Process]:
    """These processes and all their descendants, parents first."""
    found = []
    for pid in roots:
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            found += [root, *root.children(recursive=True)]
    return found


def cpu_s(roots: Iterable[int]) -> float:
    """Processor time used so far, descendants and children waited for included."""
    total = 0.0
    for process in below(roots):
        with contextlib.suppress(psutil.NoSuchProcess):
            used = process.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total


def resident_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6


def proportional_mb(processes: Iterable[psutil.Process]) -> float | None:
    """Resident memory, pages that several share counted once; None where the kernel does not say."""
    try:
        return float(sum(each.memory_full_info().pss for each in processes)) / 1e6
    except (psutil.Error, AttributeError):  # another user's process, or another kernel than Linux
        return None


@contextmanager
def suspended(roots: Iterable[int]) -> Iterator[None]:
    """These processes and their descendants stand still meanwhile."""
    processes = below(roots)
    for each in processes:
        each.suspend()
    try:
        yield
    finally:
        for each in processes:
            each.resume()


def peak_mb(work: Callable[[], object]) -> float:
    """What `work` adds to the resident memory of this process at its peak; Linux only."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = resident_mb()
    work()
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak
    return int(peak[1]) * 1024 / 1e6 - before


def use_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
