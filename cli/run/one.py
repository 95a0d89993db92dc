"""Renders one picture, with a progress line."""

from pathlib import Path

import typer

from cli.client.api import Api, JsonObject
from cli.client.errors import CallError, RequestFailed, explain
from cli.client.inputs import Input, send_inputs
from cli.client.interruptible import run
from cli.client.picture import LONG_POLL_S, WATCHED_POLL_S, render_and_save
from cli.output_files import STDOUT, check_stdout
from cli.printing import ExitCode, print_json, stop
from cli.run.items import RunOptions, as_json
from cli.run.progress import LiveLine
from jobs.pictures.inputs import with_pictures


def render_one(options: RunOptions, base: Input, out: Path) -> None:
    check_stdout(out, options.as_json)
    if out.is_dir() or not out.absolute().parent.is_dir():
        why = "is a directory: give a file" if out.is_dir() else "is in a directory that does not exist"
        raise typer.BadParameter(f"{str(out)!r} {why}", param_hint="--out")
    try:
        with LiveLine().shown() as line:
            result = run(_render(options, base, out, line))
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


async def _render(options: RunOptions, base: Input, out: Path, line: LiveLine) -> JsonObject:
    line.on_status({"status": "UPLOADING"})
    poll_s = WATCHED_POLL_S if line.is_live else LONG_POLL_S
    async with Api.open(options.server, options.key, line.on_pause) as api:
        references = await send_inputs({**options.inputs, "base_image": base}, api)
        body = with_pictures(options.parameters, references)
        return await render_and_save(api, options.model, body, out, line.on_status, poll_s)


def _show(options: RunOptions, result: JsonObject, out: Path) -> None:
    image = result["images"][0]
    if options.as_json:
        print_json(as_json(result, out))
        return
    animated = (f"{name} is animated: its first frame was used" for name in result.get("animated", ()))
    for warning in (*animated, *result.get("warnings", ())):
        typer.echo(f"superimpose: {warning}", err=True)
    kind = image["content_type"].removeprefix("image/")
    size = f"{image['width']} x {image['height']}, {image['file_size']:,} bytes"
    typer.echo(f"{out}: {kind}, {size}", err=out == STDOUT)
