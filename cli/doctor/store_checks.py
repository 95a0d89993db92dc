"""Checks that the store can write, read and delete, and that its disk has space."""

import shutil
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError as StoreError

from cli.doctor.finding import Finding, Findings, fail, gib, ok, warn_unless
from jobs.config.setting_types import GIBIBYTE
from jobs.config.settings import Settings
from jobs.pictures.store import PictureStore, new_token

SAMPLE = bytes(range(256)) * 256
MIN_FREE_BYTES = GIBIBYTE


def check_store(settings: Settings) -> Findings:
    url = settings.effective_storage_url
    directory = Path(unquote(urlsplit(url).path)) if url.startswith("file://") else None
    try:
        yield _write_and_read(PictureStore.open(settings), directory)
    except (StoreError, OSError, ValueError) as error:
        yield fail("store", f"cannot be used: {error}", "correct SUPERIMPOSE_STORAGE_URL, or the permissions")
        return
    if directory:
        yield _disk_space(next(path for path in (directory, *directory.parents) if path.exists()))


def _write_and_read(store: PictureStore, directory: Path | None) -> Finding:
    path = store.new_path("inputs", new_token(), time.time() + 60)
    new = [folder for folder in (directory / path).parents if not folder.exists()] if directory else []
    start = time.perf_counter()
    try:
        store.put(path, SAMPLE)
        same = store.get(path) == SAMPLE
    finally:
        store.delete([path])
        for folder in new:
            with suppress(OSError):  # another process has written to it
                folder.rmdir()
    if not same:
        return fail("store", "reads other bytes than were written", "check its disk")
    return ok("store", f"written, read and deleted in {1000 * (time.perf_counter() - start):.1f} ms")


def _disk_space(directory: Path) -> Finding:
    free = shutil.disk_usage(directory).free
    return warn_unless(
        "store disk",
        free > MIN_FREE_BYTES,
        f"{gib(free)} free",
        "free some space: a request whose picture cannot be written is retried and then FAILED",
    )
