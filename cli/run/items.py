"""The options of a run, its pictures, and their `--json` output."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import typer

from cli.client.api import JsonObject
from cli.client.inputs import Input
from cli.client.server import Server
from cli.output_files import SUFFIX
from jobs.lifecycle.options import MAX_CUSTOM_ID_LENGTH

PICTURES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp", ".jp2", ".heic", ".heif"}
)


@dataclass(frozen=True)
class RunOptions:
    """`parameters` as in a request body, `inputs` by parameter path."""

    model: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Input]
    server: Server
    key: str
    as_json: bool

    def without_base(self) -> Self:
        """A copy for pictures that have a base of their own."""
        parameters = {name: value for name, value in self.parameters.items() if name != "base_image"}
        inputs = {path: picture for path, picture in self.inputs.items() if path != "base_image"}
        return replace(self, parameters=parameters, inputs=inputs)


@dataclass(frozen=True, eq=False)
class Item:
    """One of many pictures; `params` and `inputs` are added to those of the run.

    `name` identifies it in error messages, `json_fields` in `--json` output.
    """

    name: str
    json_fields: Mapping[str, Any]
    out: Path
    params: Mapping[str, Any]
    inputs: Mapping[str, Input]


def pictures_of(base_dir: Path, out_dir: Path, image_format: str | None) -> list[Item]:
    """The pictures directly in `base_dir`, sorted by name; each result has the same name in `out_dir`."""
    if not base_dir.is_dir():
        raise typer.BadParameter(f"{str(base_dir)!r} is not a directory", param_hint="--base-dir")
    if base_dir.resolve() == out_dir.resolve():
        raise typer.BadParameter(
            "is --base-dir too: the results would overwrite their inputs", param_hint="--out"
        )
    bases = sorted(path for path in base_dir.iterdir() if path.suffix.lower() in PICTURES and path.is_file())
    if not bases:
        raise typer.BadParameter(f"{str(base_dir)!r} contains no pictures", param_hint="--base-dir")
    found: dict[str, Path] = {}
    items = []
    for base in bases:
        name = base.stem + SUFFIX[image_format or "jpeg"]
        other = found.setdefault(name.lower(), base)
        if other != base:
            raise typer.BadParameter(
                f"{other.name} and {base.name} would both become {name}: rename one", param_hint="--base-dir"
            )
        is_custom_id = base.stem.isprintable() and len(base.stem) <= MAX_CUSTOM_ID_LENGTH
        params = {"custom_id": base.stem} if is_custom_id else {}
        items.append(
            Item(str(base), {"base": str(base)}, out_dir / name, params, {"base_image": Input(base)})
        )
    return items


def as_json(result: JsonObject, out: Path) -> JsonObject:
    image = result["images"][0]
    return {
        "status": result["status"],
        "request_id": result["request_id"],
        "output": str(out),
        **{name: image[name] for name in ("content_type", "width", "height", "file_size")},
        "metrics": result["metrics"],
    }
