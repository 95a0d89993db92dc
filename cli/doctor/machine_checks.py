"""The machine: open files, memory and room for temporary files, held against the settings."""

import os
import resource
import shutil

from cli.doctor.finding import Finding, Findings, fail_unless, ok, warn, warn_unless
from cli.serve.roles import FILES_BESIDE
from compositor.decoding.memory import BYTES_PER_PIXEL
from jobs.config import machine
from jobs.config.setting_types import GIBIBYTE, MEBIBYTE
from jobs.config.settings import Settings

NEEDED_BYTES = 3 * GIBIBYTE // 10
BASE64_SHARE = 4 / 3


def check_machine(settings: Settings) -> Findings:
    yield _files(settings)
    yield _job_memory(settings)
    yield _memory(settings)
    yield _bodies(settings)
    yield _data_dir(settings)
    yield _core_count(settings)


def _files(settings: Settings) -> Finding:
    needed = settings.max_connections + FILES_BESIDE
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= needed
    return fail_unless(
        "open files",
        enough,
        f"{'no limit' if hard == resource.RLIM_INFINITY else f'{hard:,}'}, {needed:,} needed",
        "raise `ulimit -Hn` (LimitNOFILE= in systemd), or lower SUPERIMPOSE_MAX_CONNECTIONS",
    )


def _job_memory(settings: Settings) -> Finding:
    needed = NEEDED_BYTES + BYTES_PER_PIXEL * settings.max_pixels
    return warn_unless(
        "job memory",
        settings.job_memory_bytes >= needed,
        f"JOB_MEMORY_BYTES {_gib(settings.job_memory_bytes)}, the largest picture takes {_gib(needed)}",
        "raise SUPERIMPOSE_JOB_MEMORY_BYTES or lower SUPERIMPOSE_MAX_PIXELS: else large ones FAIL",
    )


def _memory(settings: Settings) -> Finding:
    there = machine.memory_bytes()
    if there is None:
        return ok("memory", "this system does not tell")
    needed = settings.workers * settings.child_max_resident_bytes
    return warn_unless(
        "memory",
        there >= needed,
        f"{_gib(there)} here, {settings.workers} workers may keep {_gib(needed)}",
        "run fewer workers (SUPERIMPOSE_WORKERS), or lower SUPERIMPOSE_CHILD_MAX_RESIDENT_BYTES",
    )


def _bodies(settings: Settings) -> Finding:
    needed = int(settings.max_input_bytes * BASE64_SHARE)
    return warn_unless(
        "body limit",
        settings.max_body_bytes >= needed,
        f"bodies of {_mib(settings.max_body_bytes)}, an input may have {_mib(settings.max_input_bytes)}",
        "raise SUPERIMPOSE_MAX_BODY_BYTES to 4/3 of SUPERIMPOSE_MAX_INPUT_BYTES: base64 is so much longer",
    )


def _data_dir(settings: Settings) -> Finding:
    place = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    usage, writable = shutil.disk_usage(place), os.access(place, os.W_OK)
    if not writable:
        advice = "let this user write there, or set SUPERIMPOSE_DATA_DIR"
        return warn("data directory", "cannot be written to", advice)
    return warn_unless(
        "data directory",
        usage.free > settings.http_cache_bytes + GIBIBYTE,
        f"{_gib(usage.free)} free, the HTTP cache may take {_mib(settings.http_cache_bytes)}",
        "make room, or lower SUPERIMPOSE_HTTP_CACHE_BYTES",
    )


def _core_count(settings: Settings) -> Finding:
    cores = machine.cores()
    return warn_unless(
        "workers and cores",
        settings.workers <= 2 * cores,
        f"{settings.workers} workers on {cores} cores",
        "set SUPERIMPOSE_WORKERS to the number of cores: more make pictures no faster and take memory",
    )


def _gib(size: int) -> str:
    return f"{size / GIBIBYTE:.1f} GiB"


def _mib(size: int) -> str:
    return f"{size / MEBIBYTE:,.0f} MiB"
