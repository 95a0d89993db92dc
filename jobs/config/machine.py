"""The processors and memory that this process may use, within the limits of its container."""

import math
import os
from pathlib import Path

from jobs.config.setting_types import MEBIBYTE

CPU_QUOTA, MEMORY_LIMIT = Path("/sys/fs/cgroup/cpu.max"), Path("/sys/fs/cgroup/memory.max")
"""The limits of a container (cgroup v2); a file begins with `max` if there is no limit."""

MEMORY_INFO = Path("/proc/meminfo")

WORKER_BYTES = 512 * MEBIBYTE  # of a worker with an ordinary job


def cores() -> int:
    """Cores within the CPU affinity and the container's quota; at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, CPU_QUOTA.read_text().split())
    except (OSError, ValueError):
        return allowed
    return max(1, min(allowed, math.ceil(quota / period)))


def workers() -> int:
    """The default number of workers: one per core, if memory allows; at least 1."""
    memory = memory_bytes()
    return max(1, cores() if memory is None else min(cores(), memory // WORKER_BYTES))


def memory_bytes() -> int | None:
    """The memory limit; None if the system does not report it."""
    try:
        machine = int(MEMORY_INFO.read_text().partition("MemTotal:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return None
    try:
        return min(machine, int(MEMORY_LIMIT.read_text()))
    except (OSError, ValueError):
        return machine
