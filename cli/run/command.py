"""`superimpose run`: its options, checked before anything is sent."""

from pathlib import Path
from typing import Any

import typer

from cli.client.inputs import Input
from cli.client.server import Server, find_key
from cli.formats import STDOUT, output_format
from cli.parameters import checked
from cli.run.batch import make_all
from cli.run.one import make_one
from cli.run.options import RunOptions
from compositor import SuperimposeRequest


def run(
    *,
    base: str | None,
    base_dir: Path | None,
    overlay: str,
    mask: str | None,
    out: Path,
    server: str | None,
    key: str | None,
    concurrency: int,
    as_json: bool,
    parameters: dict[str, Any],
) -> None:
    """Make one picture or a folder of them. Raises `typer.BadParameter`, `typer.Exit`."""
    if (base is None) == (base_dir is None):
        raise typer.BadParameter("give --base for one picture, or --base-dir for a folder of them")
    given = {name: value for name, value in parameters.items() if value is not None}
    if base_dir is not None and out == STDOUT:
        raise typer.BadParameter("'-' is one picture: give a folder with --base-dir", param_hint="--out")
    if base is not None:
        given |= {"image_format": wanted} if (wanted := output_format(out, given.get("image_format"))) else {}
    pictures = {"base_image": "?", "overlay_image": "?"} | ({"mask": "?"} if mask else {})
    checked(given | pictures, SuperimposeRequest)
    where = Server.find(server)
    options = RunOptions(
        overlay=Input.parse(overlay, "--overlay"),
        mask=Input.parse(mask, "--mask") if mask else None,
        parameters=given,
        server=where,
        key=find_key(key, where),
        as_json=as_json,
    )
    if base is not None:
        make_one(options, Input.parse(base, "--base"), out)
    elif base_dir is not None:
        make_all(options, base_dir, out, concurrency)
