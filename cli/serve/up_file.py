"""`up.json` in the data directory: describes the `superimpose up` that uses it."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # spares `superimpose run` the import of pydantic
    from jobs.config.settings import Settings

NAME = "up.json"
WEBHOOK_SECRET = "webhook-secret"  # noqa: S105 the name of the file


@dataclass(frozen=True)
class RunningUp:
    """The running process. `redis_url` and `storage_url` are empty if Redis and store are in the directory.

    `has_own_secret`: the master secret of its webhooks is in the directory too.
    """

    pid: int
    url: str
    redis_url: str = ""
    storage_url: str = ""
    has_own_secret: bool = False


class AlreadyUp(Exception):
    """Another `up` uses the data directory; the text names it and says what to do."""


@contextmanager
def holding(
    directory: Path, url: str, redis_url: str = "", storage_url: str = "", has_own_secret: bool = False
) -> Iterator[None]:
    """Write the file and hold its lock; the kernel releases the lock even if this process is killed.

    Raises `AlreadyUp`, `OSError`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / NAME
    with open(_locked(path), "w") as file:
        file.truncate()
        json.dump(asdict(RunningUp(os.getpid(), url, redis_url, storage_url, has_own_secret)), file)
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def running_up(directory: Path) -> RunningUp | None:
    """The `up` that uses this directory, if any. The file of a killed one is not locked."""
    with contextlib.suppress(OSError), (directory / NAME).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(file.read())
    return None


def settings_here() -> "Settings":
    """The settings; a missing Redis URL, store URL or master secret is that of the `up` in this folder."""
    from jobs.config.settings import Settings

    settings = Settings()
    up = running_up(settings.data_dir)
    if up is None:
        return settings
    defaults: dict[str, object] = {"redis_url": up.redis_url, "storage_url": up.storage_url}
    if up.has_own_secret:
        defaults["webhook_secret"] = ((settings.data_dir / WEBHOOK_SECRET).read_text().strip(),)
    return settings.model_copy(
        update={name: value for name, value in defaults.items() if not getattr(settings, name)}
    )


def _read(text: str) -> RunningUp | None:
    try:
        return RunningUp(**json.loads(text))
    except (ValueError, TypeError):  # being written, or by another version
        return None


def _locked(path: Path) -> int:
    """A descriptor of the locked file at `path`; retries if another process removes the file."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise _refusal(path.parent) from None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


def _refusal(directory: Path) -> AlreadyUp:
    other = running_up(directory)
    which = f" (process {other.pid}, {other.url})" if other else ""
    stop = f"stop it with `kill {other.pid}`" if other else "stop it"
    return AlreadyUp(f"another `superimpose up` is using {directory}{which}: {stop}, or give a --data-dir")
