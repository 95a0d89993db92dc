"""`superimpose run`: its options, checked before anything is sent."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from cli.client.explain import named
from cli.client.inputs import Input
from cli.client.server import Server, find_key
from cli.formats import STDOUT, output_format
from cli.run.batch import make_all
from cli.run.one import make_one
from cli.run.options import RunOptions
from cli.scene import described


def run(
    *,
    base: str | None,
    base_dir: Path | None,
    pictures: Mapping[str, str | None],
    scene: Path | None,
    out: Path,
    server: str | None,
    key: str | None,
    concurrency: int,
    as_json: bool,
    parameters: dict[str, Any],
) -> None:
    """Make one picture or a folder of them. Raises `typer.BadParameter`, `typer.Exit`."""
    if (base and base_dir) or not (base or base_dir or scene):
        raise typer.BadParameter("give --base for one picture, or --base-dir for a folder of them")
    if base_dir and out == STDOUT:
        raise typer.BadParameter("'-' is one picture: give a folder with --base-dir", param_hint="--out")
    if not base_dir:
        parameters["image_format"] = output_format(out, parameters.get("image_format"))
    below = Input(base_dir) if base_dir else Input.parse(base, "--base") if base else None
    others = {name: Input.parse(text, named(name)) for name, text in pictures.items() if text}
    found = described(scene, {"base_image": below, **others}, parameters)
    where = Server.find(server)
    options = RunOptions(
        model=found.model,
        parameters=found.parameters,
        inputs={path: picture for path, picture in found.inputs.items() if path != "base_image"},
        server=where,
        key=find_key(key, where),
        as_json=as_json,
    )
    if base_dir:
        make_all(options, base_dir, out, concurrency)
    else:
        make_one(options, found.inputs["base_image"], out)
