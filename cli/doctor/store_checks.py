"""The store: can a picture be written, read and deleted, and is there room."""

import shutil
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError as StoreError

from cli.doctor.finding import Finding, Findings, Verdict, fail, judged, ok
from jobs.setting_types import GIBIBYTE
from jobs.settings import Settings
from jobs.store import PictureStore, new_token

SAMPLE = bytes(range(256)) * 256
LEAST_FREE_BYTES = GIBIBYTE


def check_store(settings: Settings) -> Findings:
    """Write, read and delete; for a directory, the room on its disk."""
    try:
        store = PictureStore.open(settings)
        yield _round(store)
    except (StoreError, OSError, ValueError) as error:
        yield fail("store", f"cannot be used: {error}", "correct SUPERIMPOSE_STORAGE_URL, or its rights")
        return
    if settings.effective_storage_url.startswith("file://"):
        yield _room(Path(unquote(urlsplit(settings.effective_storage_url).path)), "store disk")


def _round(store: PictureStore) -> Finding:
    path = store.new_path("inputs", new_token(), time.time() + 60)
    start = time.perf_counter()
    store.put(path, SAMPLE)
    try:
        same = store.get(path) == SAMPLE
    finally:
        store.delete([path])
    if not same:
        return fail("store", "what is read is not what was written", "look at its disk")
    return ok("store", f"written, read and deleted in {1000 * (time.perf_counter() - start):.1f} ms")


def _room(directory: Path, subject: str) -> Finding:
    free = shutil.disk_usage(directory).free
    return judged(
        subject,
        free > LEAST_FREE_BYTES,
        f"{free / GIBIBYTE:,.1f} GiB free",
        "make room: a picture that cannot be written is tried again, and then its request FAILED",
        Verdict.WARN,
    )
