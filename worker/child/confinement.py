"""Resource limits of the process that decodes untrusted files."""

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

_MAX_OPEN_FILES = 256  # a job needs about twenty
_MAX_PIXEL_BYTES = 8  # in the output; lossless formats store four and little overhead
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def confine(settings: Settings) -> None:
    """Irrevocably limit this process's memory, file size, open files and privileges.

    Exceeding a limit raises `MemoryError` or `OSError`, which fails one attempt at one job. The number of
    processes is not limited: RLIMIT_NPROC counts all processes and threads of a user.
    """
    hide()
    drop_privileges()
    _lower(resource.RLIMIT_AS, settings.job_memory_bytes)
    _lower(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES)
    logs_to_file = sys.stderr is not None and stat.S_ISREG(os.fstat(sys.stderr.fileno()).st_mode)
    if not logs_to_file:  # a log file may grow larger than an output
        _lower(resource.RLIMIT_FSIZE, max_output_bytes(settings))


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process as soon as the process with the id `parent` has exited.

    On other systems than Linux it exits after the current job, when it finds the pipe closed.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it has exited already
        raise SystemExit


def max_output_bytes(settings: Settings) -> int:
    """An upper bound for the pixels of an output and the metadata copied from an input."""
    return _MAX_PIXEL_BYTES * settings.max_pixels + settings.max_input_bytes


def grant_processor_time(seconds: int) -> None:
    """Limit this process to `seconds` more of processor time; then SIGXCPU kills it, even in C code.

    The parent kills a late child first; this limit applies when the parent has exited.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard < 0 else min(limit, hard), hard))


def _lower(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    limit = limit if hard < 0 else min(limit, hard)
    try:
        resource.setrlimit(kind, (limit, limit))
    except (ValueError, OSError) as error:  # RLIMIT_AS on macOS
        log.warning("this system does not limit the resources of a job: %s", error)
