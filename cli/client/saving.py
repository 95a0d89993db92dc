"""Atomic writes of pictures, to a file or to stdout."""

import io
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from cli.formats import STDOUT

PREFIX = ".superimpose-"
SUFFIX = ".part"


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A file that replaces `path` when the block succeeds.

    Output for `STDOUT` or a device is buffered and written at the end. Raises OSError that names `path`.
    """
    try:
        if path == STDOUT or (path.exists() and not path.is_file()):
            with io.BytesIO() as whole:
                yield whole
                _put(whole.getvalue(), path)
        else:
            with _replacing(path) as file:
                yield file
    except OSError as error:
        error.filename = "stdout" if path == STDOUT else str(path)
        raise


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    part = path.with_name(f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def _put(data: bytes, path: Path) -> None:
    if path == STDOUT:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        path.write_bytes(data)


def delete_partial_files(folder: Path) -> None:
    """Delete the partial files that a killed run has left. Raises OSError."""
    for part in folder.glob(f"{PREFIX}*{SUFFIX}"):
        part.unlink(missing_ok=True)
