"""Formats of pictures as file names say them."""

from pathlib import Path

import typer

BY_SUFFIX = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp", ".avif": "avif"}

SUFFIX = {"jpeg": ".jpg", "png": ".png", "webp": ".webp", "avif": ".avif"}
"""What a picture of a format is called."""


def output_format(out: Path, wanted: str | None) -> str | None:
    """The format `wanted`, else the one that the name of `out` says, else None: the service's default.

    Raises `typer.BadParameter` where the two contradict each other.
    """
    named = BY_SUFFIX.get(out.suffix.lower())
    if wanted and named and wanted != named:
        raise typer.BadParameter(
            f"{out.name!r} is named as a {named} and --image-format says {wanted}: "
            f"write {out.stem + SUFFIX[wanted]!r}, or leave --image-format out",
            param_hint="--out",
        )
    return wanted or named
