"""The store: can a picture be written, read and deleted, and is there room."""

import shutil
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError as StoreError

from cli.doctor.finding import Finding, Findings, fail, ok, warn_unless
from jobs.config.setting_types import GIBIBYTE
from jobs.config.settings import Settings
from jobs.pictures.store import PictureStore, new_token

SAMPLE = bytes(range(256)) * 256
LEAST_FREE_BYTES = GIBIBYTE


def check_store(settings: Settings) -> Findings:
    """Write, read and delete; for a directory, the room on its disk."""
    url = settings.effective_storage_url
    directory = Path(unquote(urlsplit(url).path)) if url.startswith("file://") else None
    try:
        yield _round(PictureStore.open(settings), directory)
    except (StoreError, OSError, ValueError) as error:
        yield fail("store", f"cannot be used: {error}", "correct SUPERIMPOSE_STORAGE_URL, or its rights")
        return
    if directory:
        yield _room(next(path for path in (directory, *directory.parents) if path.exists()), "store disk")


def _round(store: PictureStore, directory: Path | None) -> Finding:
    path = store.new_path("inputs", new_token(), time.time() + 60)
    made = [folder for folder in (directory / path).parents if not folder.exists()] if directory else []
    start = time.perf_counter()
    try:
        store.put(path, SAMPLE)
        same = store.get(path) == SAMPLE
    finally:
        store.delete([path])
        for folder in made:
            with suppress(OSError):  # somebody else needs it by now
                folder.rmdir()
    if not same:
        return fail("store", "what is read is not what was written", "look at its disk")
    return ok("store", f"written, read and deleted in {1000 * (time.perf_counter() - start):.1f} ms")


def _room(directory: Path, subject: str) -> Finding:
    free = shutil.disk_usage(directory).free
    return warn_unless(
        subject,
        free > LEAST_FREE_BYTES,
        f"{free / GIBIBYTE:,.1f} GiB free",
        "make room: a picture that cannot be written is tried again, and then its request FAILED",
    )
