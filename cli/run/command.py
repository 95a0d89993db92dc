"""The command `superimpose run`: its options, checked before anything is sent."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client.server import KeyOption, ServerOption
from cli.output_files import NAMES, STDOUT, output_format
from cli.parameters import DISPLACEMENT_HELP, FILE, SceneOption, with_parameters
from cli.printing import AsJson


@with_parameters
def run(
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="PATH", help=f"The result, or the folder for several. {NAMES}."),
    ],
    base: Annotated[str | None, typer.Option(metavar="FILE|URL", help="The picture below.")] = None,
    base_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder of bases, instead of --base.")
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            **FILE,
            help="CSV or NDJSON with one request per line; options are defaults for all lines.",
        ),
    ] = None,
    overlay: Annotated[str | None, typer.Option(metavar="FILE|URL", help="The picture put on it.")] = None,
    mask: Annotated[str | None, typer.Option(metavar="FILE|URL", help="White shows.")] = None,
    displacement_map: Annotated[str | None, typer.Option(metavar="FILE|URL", help=DISPLACEMENT_HELP)] = None,
    scene: SceneOption = None,
    server: ServerOption = None,
    key: KeyOption = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=256, metavar="N", help="How many pictures at a time.")
    ] = 8,
    batch: Annotated[bool, typer.Option("--batch", hidden=True)] = False,  # the default
    no_batch: Annotated[
        bool, typer.Option("--no-batch", help="Send requests one by one, not in batches of thousands.")
    ] = False,
    as_json: AsJson = False,
    **parameters: Any,
) -> None:
    """Render pictures on a server: one, all of a folder, or those listed in a file."""
    from cli.client.errors import option_of
    from cli.client.inputs import Input
    from cli.client.server import Server, find_key
    from cli.run.items import RunOptions, pictures_of
    from cli.run.manifest import read_manifest
    from cli.run.many import render_many
    from cli.run.one import render_one
    from cli.scene import describe

    if batch and no_batch:
        raise typer.BadParameter("--batch and --no-batch contradict each other: give one of them")
    if base_dir and manifest:
        raise typer.BadParameter("--base-dir and --manifest contradict each other: give one of them")
    if (base and base_dir) or not (base or base_dir or scene or manifest):
        raise typer.BadParameter("give --base for one picture, or --base-dir or --manifest for many")
    if base_dir or manifest:
        _check_folder(out)
    else:
        parameters["image_format"] = output_format(out, parameters.get("image_format"))
    given = {"base_image": base, "overlay_image": overlay, "mask": mask, "displacement_map": displacement_map}
    pictures = {name: Input.parse(text, option_of(name)) for name, text in given.items() if text}
    if base_dir:
        pictures["base_image"] = Input(base_dir)
    found = describe(scene, pictures, parameters, is_whole=manifest is None)
    where = Server.find(server)
    options = RunOptions(found.model, found.parameters, found.inputs, where, find_key(key, where), as_json)
    if manifest:
        render_many(options, read_manifest(manifest, options, out), out, concurrency, not no_batch)
    elif base_dir:
        items = pictures_of(base_dir, out, options.parameters.get("image_format"))
        render_many(options.without_base(), items, out, concurrency, not no_batch)
    else:
        render_one(options.without_base(), found.inputs["base_image"], out)


def _check_folder(out: Path) -> None:
    if out == STDOUT:
        raise typer.BadParameter("'-' is one picture: give a folder for many", param_hint="--out")
    if out.exists() and not out.is_dir():
        raise typer.BadParameter(f"{str(out)!r} is not a directory", param_hint="--out")
