"""`superimpose run`: its options, checked before anything is sent."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from cli.client.explain import option_of
from cli.client.inputs import Input
from cli.client.server import Server, find_key
from cli.formats import output_format
from cli.run.folder import check_out_dir, pictures_of
from cli.run.items import RunOptions
from cli.run.manifest import read_manifest
from cli.run.many import render_many
from cli.run.one import render_one
from cli.scene import describe


def run(
    *,
    base: str | None,
    base_dir: Path | None,
    manifest: Path | None,
    pictures: Mapping[str, str | None],
    scene: Path | None,
    out: Path,
    server: str | None,
    key: str | None,
    concurrency: int,
    in_batches: bool,
    as_json: bool,
    parameters: dict[str, Any],
) -> None:
    """Render one picture or many. Raises `typer.BadParameter`, `typer.Exit`."""
    if base_dir and manifest:
        raise typer.BadParameter("--base-dir and --manifest contradict each other: give one of them")
    if (base and base_dir) or not (base or base_dir or scene or manifest):
        raise typer.BadParameter("give --base for one picture, or --base-dir or --manifest for many")
    if base_dir or manifest:
        check_out_dir(out)
    else:
        parameters["image_format"] = output_format(out, parameters.get("image_format"))
    base_input = Input(base_dir) if base_dir else Input.parse(base, "--base") if base else None
    others = {name: Input.parse(text, option_of(name)) for name, text in pictures.items() if text}
    found = describe(scene, {"base_image": base_input, **others}, parameters, is_whole=manifest is None)
    where = Server.find(server)
    options = RunOptions(
        model=found.model,
        parameters=found.parameters,
        inputs=found.inputs,
        server=where,
        key=find_key(key, where),
        as_json=as_json,
    )
    if manifest:
        render_many(options, read_manifest(manifest, options, out), out, concurrency, in_batches)
    elif base_dir:
        items = pictures_of(base_dir, out, options.parameters.get("image_format"))
        render_many(options.without_base(), items, out, concurrency, in_batches)
    else:
        render_one(options.without_base(), found.inputs["base_image"], out)
