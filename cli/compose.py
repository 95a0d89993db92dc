"""`superimpose compose`: renders one picture from files, without a server."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output_files import NAMES, STDOUT, atomic_write, check_stdout, output_format
from cli.parameters import DISPLACEMENT_HELP, FILE, SceneOption, with_parameters
from cli.printing import AsJson, print_json, stop


@with_parameters
def compose(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help=f"The result. {NAMES}.")],
    base: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, metavar="BASE", help="The picture below.")
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, metavar="OVERLAY", help="The picture put on it."),
    ] = None,
    mask: Annotated[Path | None, typer.Option(**FILE, help="White shows.")] = None,
    displacement_map: Annotated[Path | None, typer.Option(**FILE, help=DISPLACEMENT_HELP)] = None,
    scene: SceneOption = None,
    as_json: AsJson = False,
    **parameters: Any,
) -> None:
    """Render one picture without a server."""
    from cli.client.inputs import Input
    from cli.scene import describe
    from compositor import CompositorError, render
    from compositor.models.superimpose_v2 import NO_REMOVER

    check_stdout(out, as_json)
    parameters["image_format"] = output_format(out, parameters.get("image_format"))
    given = {"base_image": base, "overlay_image": overlay, "mask": mask, "displacement_map": displacement_map}
    found = describe(scene, {name: Input(path) for name, path in given.items() if path}, parameters)
    for path, picture in found.inputs.items():
        if picture.url:
            raise typer.BadParameter(f"{scene}: {path}: is a URL: give a file, or use `superimpose run`")
    try:
        layout = found.params.scene()
        read = {picture: picture.file.read_bytes() for picture in found.inputs.values() if picture.file}
        result = render(layout, {path: read[picture] for path, picture in found.inputs.items()})
        with atomic_write(out) as file:
            file.write(result.data)
    except OSError as error:
        raise stop(f"{error.filename}: {error.strerror}") from None
    except CompositorError as error:
        raise stop(str(error)) from None
    if any(layer.removal for layer in layout.layers):
        typer.echo(f"superimpose: {NO_REMOVER}", err=True)
    if as_json:
        size = {"width": result.width, "height": result.height, "file_size": len(result.data)}
        print_json({"output": out, "content_type": result.content_type, **size, "metrics": result.seconds})
        return
    typer.echo(f"{out}: {result.width} x {result.height}, {len(result.data):,} bytes", err=out == STDOUT)
