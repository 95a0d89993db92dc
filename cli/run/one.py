"""One picture, with a line that says how far it is."""

from pathlib import Path

import typer

from cli.client.api import Api, JsonObject
from cli.client.errors import CallError, RequestFailed
from cli.client.explain import explain
from cli.client.inputs import Input, carried
from cli.client.interruptible import run
from cli.client.picture import HELD_S, SHOWN_S, make
from cli.exit_codes import ExitCode, stop
from cli.formats import STDOUT, check_stdout
from cli.json_output import print_json
from cli.run.items import RunOptions, as_json
from cli.run.live_line import LiveLine
from jobs.pictures.inputs import with_pictures


def make_one(options: RunOptions, base: Input, out: Path) -> None:
    """Make it, save it, say what it is. Raises `typer.Exit`."""
    check_stdout(out, options.as_json)
    if out.is_dir() or not out.absolute().parent.is_dir():
        why = "is a directory: give a file" if out.is_dir() else "is in a directory that is not there"
        raise typer.BadParameter(f"{str(out)!r} {why}", param_hint="--out")
    try:
        with LiveLine() as line:
            result = run(_make(options, base, out, line))
    except RequestFailed as failed:
        if options.as_json:
            print_json(failed.answer)
        raise explain(failed) from None
    except CallError as error:
        raise explain(error) from None
    except OSError as error:
        raise stop(f"{error.filename}: {error.strerror}") from None
    except KeyboardInterrupt:
        cancelled = "the request was cancelled" if line.cancelled else "nothing was saved"
        raise stop(f"interrupted: {cancelled}", ExitCode.INTERRUPTED) from None
    _show(options, result, out)


async def _make(options: RunOptions, base: Input, out: Path, line: LiveLine) -> JsonObject:
    line.on_status({"status": "UPLOADING"})
    async with Api.open(options.server, options.key, line.on_pause) as api:
        references = await carried({**options.inputs, "base_image": base}, api)
        body = with_pictures(options.parameters, references)
        return await make(api, options.model, body, out, line.on_status, SHOWN_S if line.is_live else HELD_S)


def _show(options: RunOptions, result: JsonObject, out: Path) -> None:
    image = result["images"][0]
    if options.as_json:
        print_json(as_json(result, out))
        return
    for name in result.get("animated", ()):
        typer.echo(f"superimpose: {name} is animated: its first frame was used", err=True)
    for warning in result.get("warnings", ()):
        typer.echo(f"superimpose: {warning}", err=True)
    kind = image["content_type"].removeprefix("image/")
    size = f"{image['width']} x {image['height']}, {image['file_size']:,} bytes"
    typer.echo(f"{out}: {kind}, {size}", err=out == STDOUT)
