"""What processes have used: everything below the ones that were started."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from benchmarks.scenarios.service import parents, smaps_mb

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def below(roots: Iterable[int]) -> list[int]:
    """These processes and all their descendants."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents():
        children.setdefault(parent, []).append(pid)
    found = list(roots)
    for pid in found:  # grows as it goes
        found.extend(children.get(pid, []))
    return found


def cpu_s(roots: Iterable[int]) -> float:
    """Processor time they have used so far, that of children they have waited for included."""
    total = 0
    for pid in below(roots):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime: proc(5)
    return total * TICK_S


def memory_mb(roots: Iterable[int]) -> float:
    """Resident memory, pages that several share counted once."""
    total = 0.0
    for pid in below(roots):
        with contextlib.suppress(OSError, StopIteration):
            total += smaps_mb(pid, "Pss")
    return total
