"""`superimpose compose`: one picture from two files."""

from pathlib import Path
from typing import Any

import typer

from cli.parameters import checked
from compositor import CompositorError, superimpose

FORMATS = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp", ".avif": "avif"}


def write_picture(
    base: Path, overlay: Path, mask: Path | None, out: Path, parameters: dict[str, Any]
) -> None:
    """Write the picture to `out`, whose extension names the format unless --image-format does."""
    if parameters.get("image_format") is None:
        parameters["image_format"] = FORMATS.get(out.suffix.lower())
    params = checked(parameters)
    try:
        made = superimpose(
            base.read_bytes(), overlay.read_bytes(), params, mask.read_bytes() if mask else None
        )
        out.write_bytes(made.data)
    except (CompositorError, OSError) as error:
        typer.echo(f"superimpose: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{out}: {made.width} x {made.height}, {len(made.data):,} bytes")
