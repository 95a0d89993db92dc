"""What the process that decodes strangers' files may use of the machine."""

import ctypes
import logging
import os
import resource
import signal
import stat
import sys

from jobs.config.settings import Settings
from worker.privileges import drop_privileges, hide

log = logging.getLogger("superimpose.worker")

_FILES = 256  # open at a time; a job has about twenty
_LARGEST_PIXEL = 8  # bytes in the output; lossless formats store four and little beside
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def confine(settings: Settings) -> None:
    """Bound memory, the size of a written file and open files of this process, and its rights, for good.

    A bound that is hit fails a call, as `MemoryError` or `OSError`, which ends one attempt of one job.
    Processes are not counted: RLIMIT_NPROC is one number for all of a user's, threads included.
    """
    hide()
    drop_privileges()
    _lower(resource.RLIMIT_AS, settings.job_memory_bytes)
    _lower(resource.RLIMIT_NOFILE, _FILES)
    logs_to_file = sys.stderr is not None and stat.S_ISREG(os.fstat(sys.stderr.fileno()).st_mode)
    if not logs_to_file:  # which may grow
        _lower(resource.RLIMIT_FSIZE, largest_output(settings))


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process as soon as its parent, which has this id, is gone, whatever it is at.

    Where the kernel cannot, it ends after the job at hand, when it finds the pipe closed.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # gone already
        raise SystemExit


def largest_output(settings: Settings) -> int:
    """More bytes than any output has: its pixels, and metadata that came with an input."""
    return _LARGEST_PIXEL * settings.max_pixels + settings.max_input_bytes


def grant_processor_time(seconds: int) -> None:
    """Let this process run for `seconds` of processor time from now; then SIGXCPU ends it, even in C code.

    The parent's deadline comes first. This is for a parent that is gone.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard < 0 else min(wanted, hard), hard))


def _lower(limit: int, wanted: int) -> None:
    """Set a limit, also the one a process may raise it to, unless it is lower."""
    _, hard = resource.getrlimit(limit)
    bound = wanted if hard < 0 else min(wanted, hard)
    try:
        resource.setrlimit(limit, (bound, bound))
    except (ValueError, OSError) as error:  # RLIMIT_AS on macOS
        log.warning("this system does not bound what a job may use: %s", error)
