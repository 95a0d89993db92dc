"""Checks open files, memory, disk and cores of the machine against the settings."""

import os
import resource
import shutil

from cli.doctor.finding import Finding, Findings, fail_unless, gib, mib, ok, warn, warn_unless
from cli.serve.roles import OTHER_FILES
from compositor.decoding.checks import BYTES_PER_PIXEL
from jobs.config import machine
from jobs.config.setting_types import GIBIBYTE
from jobs.config.settings import Settings

JOB_BASE_BYTES = 3 * GIBIBYTE // 10
BASE64_SHARE = 4 / 3


def check_machine(settings: Settings) -> Findings:
    yield _files(settings)
    yield _job_memory(settings)
    yield _memory(settings)
    yield _bodies(settings)
    yield _data_dir(settings)
    yield _core_count(settings)


def _files(settings: Settings) -> Finding:
    needed = settings.max_connections + OTHER_FILES
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= needed
    return fail_unless(
        "open files",
        enough,
        f"{'no limit' if hard == resource.RLIM_INFINITY else f'{hard:,}'}, {needed:,} needed",
        "raise `ulimit -Hn` (LimitNOFILE= in systemd), or lower SUPERIMPOSE_MAX_CONNECTIONS",
    )


def _job_memory(settings: Settings) -> Finding:
    needed = JOB_BASE_BYTES + BYTES_PER_PIXEL * settings.max_pixels
    return warn_unless(
        "job memory",
        settings.job_memory_bytes >= needed,
        f"JOB_MEMORY_BYTES {gib(settings.job_memory_bytes)}, the largest picture takes {gib(needed)}",
        "raise SUPERIMPOSE_JOB_MEMORY_BYTES or lower SUPERIMPOSE_MAX_PIXELS: else large ones FAIL",
    )


def _memory(settings: Settings) -> Finding:
    available = machine.memory_bytes()
    if available is None:
        return ok("memory", "unknown on this system")
    needed = settings.workers * settings.child_max_resident_bytes
    return warn_unless(
        "memory",
        available >= needed,
        f"{gib(available)} here, {settings.workers} workers may use {gib(needed)}",
        "run fewer workers (SUPERIMPOSE_WORKERS), or lower SUPERIMPOSE_CHILD_MAX_RESIDENT_BYTES",
    )


def _bodies(settings: Settings) -> Finding:
    needed = int(settings.max_input_bytes * BASE64_SHARE)
    return warn_unless(
        "body limit",
        settings.max_body_bytes >= needed,
        f"bodies of {mib(settings.max_body_bytes)}, an input may have {mib(settings.max_input_bytes)}",
        "raise SUPERIMPOSE_MAX_BODY_BYTES to 4/3 of SUPERIMPOSE_MAX_INPUT_BYTES, the size of base64",
    )


def _data_dir(settings: Settings) -> Finding:
    existing = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if not os.access(existing, os.W_OK):
        advice = "let this user write there, or set SUPERIMPOSE_DATA_DIR"
        return warn("data directory", "cannot be written to", advice)
    return warn_unless(
        "data directory",
        free > settings.http_cache_bytes + GIBIBYTE,
        f"{gib(free)} free, the HTTP cache may take {mib(settings.http_cache_bytes)}",
        "free some space, or lower SUPERIMPOSE_HTTP_CACHE_BYTES",
    )


def _core_count(settings: Settings) -> Finding:
    cores = machine.cores()
    return warn_unless(
        "workers and cores",
        settings.workers <= 2 * cores,
        f"{settings.workers} workers on {cores} cores",
        "set SUPERIMPOSE_WORKERS to the number of cores: more workers take memory without being faster",
    )
