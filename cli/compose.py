"""`superimpose compose`: one picture from two files."""

from pathlib import Path
from typing import Any

import typer

from cli.client.saving import appearing
from cli.exit_codes import stop
from cli.formats import STDOUT, check_stdout, output_format
from cli.json_output import print_json
from cli.parameters import checked
from compositor import CompositorError, superimpose


def write_picture(
    base: Path, overlay: Path, mask: Path | None, out: Path, parameters: dict[str, Any], as_json: bool = False
) -> None:
    """Write the picture to `out`, whose extension names the format unless --image-format does."""
    check_stdout(out, as_json)
    parameters["image_format"] = output_format(out, parameters.get("image_format"))
    params = checked(parameters)
    try:
        made = superimpose(
            base.read_bytes(), overlay.read_bytes(), params, mask.read_bytes() if mask else None
        )
        with appearing(out) as file:
            file.write(made.data)
    except OSError as error:
        raise stop(f"{error.filename}: {error.strerror}") from None
    except CompositorError as error:
        raise stop(str(error)) from None
    if as_json:
        size = {"width": made.width, "height": made.height, "file_size": len(made.data)}
        print_json({"output": out, "content_type": made.content_type, **size, "metrics": made.seconds})
        return
    typer.echo(f"{out}: {made.width} x {made.height}, {len(made.data):,} bytes", err=out == STDOUT)
