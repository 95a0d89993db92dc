"""What `superimpose run` is asked to do, checked before anything is sent."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cli.client.inputs import Input
from cli.client.server import Server, find_key
from cli.formats import STDOUT, output_format
from cli.parameters import checked
from compositor import SuperimposeRequest


@dataclass(frozen=True)
class RunOptions:
    """Inputs, parameters as a request has them, and whom to ask with which key."""

    overlay: Input
    mask: Input | None
    parameters: dict[str, Any]
    server: Server
    key: str
    as_json: bool


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
        from cli.run.one import make_one

        make_one(options, Input.parse(base, "--base"), out)
    elif base_dir is not None:
        from cli.run.batch import make_all

        make_all(options, base_dir, out, concurrency)
