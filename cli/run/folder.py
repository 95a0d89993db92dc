"""Which pictures of a folder are made, and what each result is called."""

from pathlib import Path
from typing import NamedTuple

import typer

from cli.formats import SUFFIX

PICTURES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp", ".jp2", ".heic", ".heif"}
)


class Pair(NamedTuple):
    base: Path
    out: Path


def pairs(base_dir: Path, out_dir: Path, image_format: str | None) -> list[Pair]:
    """Each picture of `base_dir` itself by name, to one of the same name in `out_dir`.

    Raises `typer.BadParameter`.
    """
    if not base_dir.is_dir():
        raise typer.BadParameter(f"{str(base_dir)!r} is no directory", param_hint="--base-dir")
    if out_dir.exists() and not out_dir.is_dir():
        raise typer.BadParameter(f"{str(out_dir)!r} is no directory", param_hint="--out")
    if base_dir.resolve() == out_dir.resolve():
        raise typer.BadParameter(
            "is --base-dir too: results would replace what they are made of", param_hint="--out"
        )
    bases = sorted(path for path in base_dir.iterdir() if path.suffix.lower() in PICTURES and path.is_file())
    if not bases:
        raise typer.BadParameter(f"{str(base_dir)!r} has no pictures in it", param_hint="--base-dir")
    suffix = SUFFIX[image_format or "jpeg"]
    found: dict[str, Pair] = {}
    for base in bases:
        name = base.stem + suffix
        other = found.setdefault(name.lower(), Pair(base, out_dir / name)).base
        if other != base:
            raise typer.BadParameter(
                f"{other.name} and {base.name} would both become {name}: rename one", param_hint="--base-dir"
            )
    return list(found.values())
