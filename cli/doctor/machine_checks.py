"""Checks open files, memory, disk and cores of the machine against the settings."""

import os
import resource
import shutil

from cli.doctor.report import Finding, Findings, fail_unless, gib, mib, ok, warn, warn_unless
from cli.serve.roles import OTHER_FILES
from compositor.decoding.checks import BYTES_PER_PIXEL
from jobs.config import machine
from jobs.config.setting_types import GIBIBYTE
from jobs.config.settings import Settings

JOB_BASE_BYTES = 3 * GIBIBYTE // 10
BASE64_SHARE = 4 / 3


def check_machine(settings: Settings) -> Findings:
    files = settings.max_connections + OTHER_FILES
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_endless = hard == resource.RLIM_INFINITY
    yield fail_unless(
        is_endless or hard >= files,
        "open files",
        f"{'no limit' if is_endless else f'{hard:,}'}, {files:,} needed",
        "raise `ulimit -Hn` (LimitNOFILE= in systemd), or lower SUPERIMPOSE_MAX_CONNECTIONS",
    )
    yield from _memory(settings)
    yield _data_dir(settings)
    cores = machine.cores()
    yield warn_unless(
        settings.workers <= 2 * cores,
        "workers and cores",
        f"{settings.workers} workers on {cores} cores",
        "set SUPERIMPOSE_WORKERS to the number of cores: more workers take memory without being faster",
    )


def _memory(settings: Settings) -> Findings:
    job = JOB_BASE_BYTES + BYTES_PER_PIXEL * settings.max_pixels
    yield warn_unless(
        settings.job_memory_bytes >= job,
        "job memory",
        f"JOB_MEMORY_BYTES {gib(settings.job_memory_bytes)}, the largest picture takes {gib(job)}",
        "raise SUPERIMPOSE_JOB_MEMORY_BYTES or lower SUPERIMPOSE_MAX_PIXELS: else large ones FAIL",
    )
    available = machine.memory_bytes()
    children = settings.workers * settings.child_max_resident_bytes
    if available is None:
        yield ok("memory", "unknown on this system")
    else:
        yield warn_unless(
            available >= children,
            "memory",
            f"{gib(available)} here, {settings.workers} workers may use {gib(children)}",
            "run fewer workers (SUPERIMPOSE_WORKERS), or lower SUPERIMPOSE_CHILD_MAX_RESIDENT_BYTES",
        )
    yield warn_unless(
        settings.max_body_bytes >= int(settings.max_input_bytes * BASE64_SHARE),
        "body limit",
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
        free > settings.http_cache_bytes + GIBIBYTE,
        "data directory",
        f"{gib(free)} free, the HTTP cache may take {mib(settings.http_cache_bytes)}",
        "free some space, or lower SUPERIMPOSE_HTTP_CACHE_BYTES",
    )
