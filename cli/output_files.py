"""The files of results: their formats by suffix, and atomic writes."""

import io
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import typer

BY_SUFFIX = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".png": "png",
    ".webp": "webp",
    ".avif": "avif",
    ".gif": "gif",
    ".apng": "apng",
}
SUFFIX = {"jpeg": ".jpg"} | {name: suffix for suffix, name in BY_SUFFIX.items() if name != "jpeg"}
STDOUT = Path("-")
NAMES = f"{', '.join(BY_SUFFIX)}, or - for stdout"
PARTIAL = (".superimpose-", ".part")
"""Prefix and suffix of the name of an incomplete file."""


def output_format(out: Path, requested: str | None) -> str | None:
    """The requested format, else the one of the suffix of `out`, else None for the service's default."""
    named = BY_SUFFIX.get(out.suffix.lower())
    if out.suffix and not named:
        raise typer.BadParameter(
            f"{out.name!r} does not have the suffix of an output format: {NAMES}", param_hint="--out"
        )
    if requested and named and requested != named:
        raise typer.BadParameter(
            f"{out.name!r} is named as a {named} and --image-format says {requested}: "
            f"write {out.stem + SUFFIX[requested]!r}, or leave --image-format out",
            param_hint="--out",
        )
    return requested or named


def check_stdout(out: Path, as_json: bool) -> None:
    if out == STDOUT and as_json:
        raise typer.BadParameter("'-' and --json both print to stdout: give a file", param_hint="--out")
    if out == STDOUT and sys.stdout.isatty():
        raise typer.BadParameter(
            "'-' would print a picture to the terminal: redirect it, or give a file", param_hint="--out"
        )


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
    part = path.with_name(secrets.token_hex(8).join(PARTIAL))
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
    for part in folder.glob("*".join(PARTIAL)):
        part.unlink(missing_ok=True)
