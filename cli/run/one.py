"""Renders a picture on a server: submit, wait, save; cancels the request when interrupted."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import typer

from cli.client.api import CANCEL_TIMEOUT_S, Api, JsonObject
from cli.client.errors import CallError, RequestFailed, explain
from cli.client.inputs import Input, send_inputs
from cli.client.interruptible import run
from cli.output_files import STDOUT, atomic_write, check_stdout
from cli.printing import ExitCode, print_json, stop
from cli.run.items import RunOptions, as_json
from cli.run.progress import LiveLine
from jobs.lifecycle.status import TERMINAL
from jobs.pictures.inputs import with_pictures

LONG_POLL_S = 25
"""The `wait` of a poll; a server without long polling responds at once."""
WATCHED_POLL_S = 1
"""The `wait` of a poll while a terminal shows the position in the queue."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
GROWTH = 1.5

OnStatus = Callable[[JsonObject], None]


def render_one(options: RunOptions, base: Input, out: Path) -> None:
    """Render the only picture of a run, with a progress line. Raises `typer.BadParameter`, `typer.Exit`."""
    check_stdout(out, options.as_json)
    if out.is_dir() or not out.absolute().parent.is_dir():
        why = "is a directory: give a file" if out.is_dir() else "is in a directory that does not exist"
        raise typer.BadParameter(f"{str(out)!r} {why}", param_hint="--out")
    try:
        with LiveLine().shown() as line:
            result = run(_send_and_save(options, base, out, line))
    except CallError as error:
        if isinstance(error, RequestFailed) and options.as_json:
            print_json(error.answer)
        raise explain(error) from None
    except OSError as error:
        raise stop(f"{error.filename}: {error.strerror}") from None
    except KeyboardInterrupt:
        cancelled = "the request was cancelled" if line.cancelled else "nothing was saved"
        raise stop(f"interrupted: {cancelled}", ExitCode.INTERRUPTED) from None
    if options.as_json:
        print_json(as_json(result, out))
    else:
        _show(result, out)


async def _send_and_save(options: RunOptions, base: Input, out: Path, line: LiveLine) -> JsonObject:
    line.on_status({"status": "UPLOADING"})
    poll_s = WATCHED_POLL_S if line.is_live else LONG_POLL_S
    async with Api.open(options.server, options.key, line.on_pause) as api:
        references = await send_inputs({**options.inputs, "base_image": base}, api)
        body = with_pictures(options.parameters, references)
        return await render_and_save(api, options.model, body, out, line.on_status, poll_s)


def _show(result: JsonObject, out: Path) -> None:
    animated = (f"{name} is animated: its first frame was used" for name in result.get("animated", ()))
    for warning in (*animated, *result.get("warnings", ())):
        typer.echo(f"superimpose: {warning}", err=True)
    image = result["images"][0]
    kind = image["content_type"].removeprefix("image/")
    size = f"{image['width']} x {image['height']}, {image['file_size']:,} bytes"
    typer.echo(f"{out}: {kind}, {size}", err=out == STDOUT)


async def render_and_save(
    api: Api, model: str, body: Mapping[str, Any], out: Path, on_status: OnStatus, wait_s: int = LONG_POLL_S
) -> JsonObject:
    """Save the picture as `out` and return the server's result. Cancellation cancels the request.

    Raises `RequestFailed`, `CallError`; OSError if the file cannot be written.
    """
    submit = asyncio.create_task(api.submit(model, body, str(uuid4())))
    try:
        request_id = await asyncio.shield(submit)  # cancelling the request needs its id
        on_status({"status": "QUEUED", "request_id": request_id})
        ended = await _await_end(api, request_id, on_status, wait_s)
    except asyncio.CancelledError:
        with suppress(CallError, TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(CANCEL_TIMEOUT_S):
                cancelled = await api.cancel("requests", await submit)
            on_status({**cancelled, "status": "CANCELLED"})
        raise
    if ended["status"] == "FAILED":
        raise RequestFailed(ended)
    result = await api.result(request_id)
    with atomic_write(out) as file:
        await api.picture(result["images"][0]["file_name"], file)
    return result


async def _await_end(api: Api, request_id: str, on_status: OnStatus, wait_s: int) -> JsonObject:
    """Poll until the request is finished; returns its status. Raises `CallError`, also if it has expired."""
    pause_s = FIRST_PAUSE_S
    while True:
        sent_at = time.monotonic()
        answer = await api.status(request_id, wait_s)
        on_status(answer)
        if answer.get("status") in TERMINAL:
            return answer
        if time.monotonic() - sent_at < wait_s / 2:
            await asyncio.sleep(pause_s)
            pause_s = min(GROWTH * pause_s, LONGEST_PAUSE_S)
