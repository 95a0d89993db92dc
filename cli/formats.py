"""Formats of pictures as file names say them."""

import sys
from pathlib import Path

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
"""What a picture of a format is called."""

STDOUT = Path("-")
NAMES = f"{', '.join(BY_SUFFIX)}, or - for stdout"
"""What a picture may be written to."""


def output_format(out: Path, wanted: str | None) -> str | None:
    """The format `wanted`, else the one that the name of `out` says, else None: the service's default.

    Raises `typer.BadParameter` for a suffix of no format that is written, or of another than `wanted`.
    """
    named = BY_SUFFIX.get(out.suffix.lower())
    if out.suffix and not named:
        raise typer.BadParameter(
            f"{out.name!r} is not named as a format that can be written: {NAMES}", param_hint="--out"
        )
    if wanted and named and wanted != named:
        raise typer.BadParameter(
            f"{out.name!r} is named as a {named} and --image-format says {wanted}: "
            f"write {out.stem + SUFFIX[wanted]!r}, or leave --image-format out",
            param_hint="--out",
        )
    return wanted or named


def check_stdout(out: Path, as_json: bool) -> None:
    """Raises `typer.BadParameter` where `out` is stdout and a picture on it would be in the way."""
    if out == STDOUT and as_json:
        raise typer.BadParameter("'-' and --json both print to stdout: give a file", param_hint="--out")
    if out == STDOUT and sys.stdout.isatty():
        raise typer.BadParameter(
            "'-' would print a picture to the terminal: redirect it, or give a file", param_hint="--out"
        )
