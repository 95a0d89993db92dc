"""What the process that decodes strangers' files may use of the machine."""

import logging
import resource

from jobs.settings import Settings

log = logging.getLogger("superimpose.worker")


def confine(settings: Settings) -> None:
    """Bound this process's address space, and let it leave no core file with pictures in it.

    Over the bound an allocation fails: a `MemoryError`, which ends one attempt of one job, instead of a
    machine that runs out of memory. Time is bounded by the parent, which needs no help from this process.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = settings.job_memory_bytes
    try:
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))
    except (ValueError, OSError) as error:  # macOS
        log.warning("this system does not bound the memory of a job: %s", error)
