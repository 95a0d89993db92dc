"""Starts, awaits and stops processes, and measures their CPU time and memory."""

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

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
WAIT_TIMEOUT_S = 120


class CannotStart(Exception):
    """A process could not be started; the text is the last line of its log."""


@contextmanager
def started(command: Sequence[str | Path], env: Mapping[str, str], log: Path) -> Iterator[Process]:
    """A running process in its own session; stopped by SIGTERM, then SIGKILL."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=env, cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also kills children that it left behind
        process.wait()


def in_own_process(work: Callable[..., T], *arguments: object) -> T:
    """The result of `work` in a fresh process, whose CPU time and memory are only for it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def wait_for(check: Callable[[], T], what: str, pause_s: float = 0.02) -> T:
    """Call `check` until its result is true, and return it. Raises TimeoutError."""
    deadline = time.monotonic() + WAIT_TIMEOUT_S
    while not (result := check()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} within {WAIT_TIMEOUT_S} s")
        time.sleep(pause_s)
    return result


def await_http(port: int, processes: Sequence[Process], log: Path) -> None:
    """Wait for any HTTP response. Raises `CannotStart`."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError, HTTPException), contextlib.closing(connection):
            connection.request("GET", "/livez")
            connection.getresponse()
            return
        if time.monotonic() > deadline or any(each.poll() is not None for each in processes):
            lines = log.read_text(errors="replace").strip().splitlines()
            raise CannotStart(lines[-1] if lines else "its log is empty")
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def process_tree(roots: Iterable[int]) -> list[psutil.Process]:
    """The processes and all their descendants, parents first."""
    found = []
    for pid in roots:
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            found += [root, *root.children(recursive=True)]
    return found


def cpu_s(roots: Iterable[int]) -> float:
    """CPU time used so far, including running descendants and finished children."""
    total = 0.0
    for process in process_tree(roots):
        with contextlib.suppress(psutil.NoSuchProcess):
            used = process.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total


def resident_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6


def proportional_mb(processes: Iterable[psutil.Process]) -> float | None:
    """Resident memory with shared pages counted once; None if the kernel does not report it."""
    try:
        return float(sum(each.memory_full_info().pss for each in processes)) / 1e6
    except (psutil.Error, AttributeError):  # another user's process, or another kernel than Linux
        return None


@contextmanager
def suspended(roots: Iterable[int]) -> Iterator[None]:
    """Suspends the processes and their descendants within the block."""
    processes = process_tree(roots)
    for each in processes:
        each.suspend()
    try:
        yield
    finally:
        for each in processes:
            each.resume()


def peak_mb(work: Callable[[], object]) -> float:
    """The peak of resident memory that `work` adds to this process; Linux only."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = resident_mb()
    work()
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak
    return int(peak[1]) * 1024 / 1e6 - before


def use_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
