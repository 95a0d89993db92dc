"""Pictures that appear whole or not at all, as a file or on stdout."""

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
def appearing(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes its name, and that of an older one, when all went well.

    What is written to `STDOUT`, or to a device, goes there in one piece in the end. Raises OSError that names
    `path`.
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


def drop_parts(folder: Path) -> None:
    """Delete what a run that was killed left there. Raises OSError."""
    for part in folder.glob(f"{PREFIX}*{SUFFIX}"):
        part.unlink(missing_ok=True)
