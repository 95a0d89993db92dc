"""`superimpose compose`: renders one picture from files, without a server."""

from pathlib import Path
from typing import Any

import typer

from cli.client.inputs import Input
from cli.client.saving import atomic_write
from cli.exit_codes import stop
from cli.formats import STDOUT, check_stdout, output_format
from cli.json_output import print_json
from cli.scene import describe
from compositor import CompositorError, render
from compositor.models.superimpose_v2 import NO_REMOVER


def write_picture(
    pictures: dict[str, Path | None],
    scene: Path | None,
    out: Path,
    parameters: dict[str, Any],
    as_json: bool = False,
) -> None:
    """Render a picture to `out`, in the format of its suffix or --image-format."""
    check_stdout(out, as_json)
    parameters["image_format"] = output_format(out, parameters.get("image_format"))
    inputs = {name: Input(path) if path else None for name, path in pictures.items()}
    found = describe(scene, inputs, parameters)
    for path, picture in found.inputs.items():
        if picture.url:
            raise typer.BadParameter(f"{scene}: {path}: is a URL: give a file, or use `superimpose run`")
    try:
        read = {picture: picture.file.read_bytes() for picture in found.inputs.values() if picture.file}
        layout = found.params.scene()
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
