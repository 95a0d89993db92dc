"""Lists the pictures of a folder and names their results."""

from pathlib import Path

import typer

from cli.client.inputs import Input
from cli.formats import STDOUT, SUFFIX
from cli.run.items import Item
from jobs.lifecycle.options import MAX_CUSTOM_ID_LENGTH

PICTURES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp", ".jp2", ".heic", ".heif"}
)


def check_out_dir(out: Path) -> None:
    """Raises `typer.BadParameter` if `out` is stdout or a file."""
    if out == STDOUT:
        raise typer.BadParameter("'-' is one picture: give a folder for many", param_hint="--out")
    if out.exists() and not out.is_dir():
        raise typer.BadParameter(f"{str(out)!r} is not a directory", param_hint="--out")


def pictures_of(base_dir: Path, out_dir: Path, image_format: str | None) -> list[Item]:
    """The pictures directly in `base_dir`, sorted by name, each with a result of the same name in `out_dir`.

    Raises `typer.BadParameter`.
    """
    if not base_dir.is_dir():
        raise typer.BadParameter(f"{str(base_dir)!r} is not a directory", param_hint="--base-dir")
    if base_dir.resolve() == out_dir.resolve():
        raise typer.BadParameter(
            "is --base-dir too: the results would overwrite their inputs", param_hint="--out"
        )
    bases = sorted(path for path in base_dir.iterdir() if path.suffix.lower() in PICTURES and path.is_file())
    if not bases:
        raise typer.BadParameter(f"{str(base_dir)!r} contains no pictures", param_hint="--base-dir")
    suffix = SUFFIX[image_format or "jpeg"]
    found: dict[str, Path] = {}
    for base in bases:
        name = base.stem + suffix
        other = found.setdefault(name.lower(), base)
        if other != base:
            raise typer.BadParameter(
                f"{other.name} and {base.name} would both become {name}: rename one", param_hint="--base-dir"
            )
    return [_item(base, out_dir / (base.stem + suffix)) for base in bases]


def _item(base: Path, out: Path) -> Item:
    name = base.stem
    is_custom_id = name.isprintable() and len(name) <= MAX_CUSTOM_ID_LENGTH
    params = {"custom_id": name} if is_custom_id else {}
    return Item(str(base), {"base": str(base)}, out, params, {"base_image": Input(base)})
