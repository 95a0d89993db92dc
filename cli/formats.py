"""Picture formats and their file suffixes."""

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

STDOUT = Path("-")
NAMES = f"{', '.join(BY_SUFFIX)}, or - for stdout"


def output_format(out: Path, requested: str | None) -> str | None:
    """The requested format, else the one of the suffix of `out`, else None for the service's default.

    Raises `typer.BadParameter` for an unknown suffix, or one of another format than requested.
    """
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
    """Raises `typer.BadParameter` if `out` is stdout together with --json, or stdout is a terminal."""
    if out == STDOUT and as_json:
        raise typer.BadParameter("'-' and --json both print to stdout: give a file", param_hint="--out")
    if out == STDOUT and sys.stdout.isatty():
        raise typer.BadParameter(
            "'-' would print a picture to the terminal: redirect it, or give a file", param_hint="--out"
        )
