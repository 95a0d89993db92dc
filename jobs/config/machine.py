"""What of the machine, or of the container, this process may use."""

import math
import os
from pathlib import Path

from jobs.config.setting_types import MEBIBYTE

CPU_QUOTA, MEMORY_LIMIT = Path("/sys/fs/cgroup/cpu.max"), Path("/sys/fs/cgroup/memory.max")
"""Of a container (cgroup v2); their text begins with `max` where there is none."""

MEMORY_INFO = Path("/proc/meminfo")

WORKER_BYTES = 512 * MEBIBYTE  # with an ordinary job


def cores() -> int:
    """As far as affinity and the container's share of processor time allow; 1 at least."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, CPU_QUOTA.read_text().split())
    except (OSError, ValueError):
        return allowed
    return max(1, min(allowed, math.ceil(quota / period)))


def workers() -> int:
    """As many as there are cores, and memory for; 1 at least."""
    memory = memory_bytes()
    return max(1, cores() if memory is None else min(cores(), memory // WORKER_BYTES))


def memory_bytes() -> int | None:
    """None where the system does not tell."""
    try:
        machine = int(MEMORY_INFO.read_text().partition("MemTotal:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return None
    try:
        return min(machine, int(MEMORY_LIMIT.read_text()))
    except (OSError, ValueError):
        return machine
