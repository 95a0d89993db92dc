"""A folder of pictures, several at a time: what is there already is kept, what fails is listed."""

import asyncio
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer

from cli.client.api import Api
from cli.client.errors import KEY_REFUSED, NOT_ENOUGH_CREDITS, CallError, Refused, RequestFailed, Unreachable
from cli.client.explain import describe_error, explain
from cli.client.inputs import Input
from cli.client.interruptible import run
from cli.client.picture import make
from cli.exit_codes import ExitCode, stop
from cli.run.folder import Pair, pairs
from cli.run.manifest import FolderInUse, Manifest
from cli.run.options import RunOptions
from cli.run.result import as_json
from cli.run.tally import Tally
from compositor.models import stated
from jobs.pictures.inputs import with_pictures

FOR_ALL = KEY_REFUSED | {NOT_ENOUGH_CREDITS}
"""HTTP statuses of an answer that every other picture would get too."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


class Shared(NamedTuple):
    """What all pictures have in common: a request without its base, as sent and by content."""

    model: str
    body: dict[str, Any]
    recipe: dict[str, Any]


def make_all(options: RunOptions, base_dir: Path, out_dir: Path, concurrency: int) -> None:
    """Make each picture that is not there. Raises `typer.Exit`, unless all are there in the end."""
    todo = pairs(base_dir, out_dir, options.parameters.get("image_format"))
    tally = Tally(len(todo), options.as_json)
    try:
        with Manifest.open(out_dir) as manifest, tally.shown():
            run(_make_all(options, todo, manifest, tally, concurrency))
    except KeyboardInterrupt:
        typer.echo(tally.summary(), err=True)
        raise stop("interrupted: the same command again goes on", ExitCode.INTERRUPTED) from None
    except FolderInUse as error:
        raise stop(str(error)) from None
    except CallError as error:
        typer.echo(tally.summary(), err=True)
        raise explain(error) from None
    except OSError as error:
        raise stop(f"{error.filename or out_dir}: {error.strerror}") from None
    for base, why in sorted(tally.failed.items()):
        typer.echo(f"{base}: {why}", err=True)
    typer.echo(tally.summary(), err=True)
    if tally.failed:
        raise typer.Exit(ExitCode.FAILED)


async def _make_all(
    options: RunOptions, todo: list[Pair], manifest: Manifest, tally: Tally, concurrency: int
) -> None:
    async with Api.open(options.server, options.key, tally.on_pause) as api:
        folder = _Folder(api, await _shared(options, api), manifest, tally)
        queue = iter(todo)
        tasks = [asyncio.create_task(folder.work(queue)) for _ in range(min(concurrency, len(todo)))]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _shared(options: RunOptions, api: Api) -> Shared:
    contents = {path: picture.content() for path, picture in options.inputs.items()}
    sent = {picture: await picture.for_many(api) for picture in dict.fromkeys(options.inputs.values())}
    references = {path: sent[picture] for path, picture in options.inputs.items()}
    given = with_pictures(stated(options.parameters, options.model), contents)
    recipe = {
        "overlay": given.pop("overlay_image", None),
        "mask": given.pop("mask", None),
        "parameters": {name: value for name, value in given.items() if name != "base_image"},
    }
    return Shared(options.model, with_pictures(options.parameters, references), recipe)


class _Folder:
    def __init__(self, api: Api, shared: Shared, manifest: Manifest, tally: Tally) -> None:
        self._api = api
        self._shared = shared
        self._manifest = manifest
        self._tally = tally

    async def work(self, queue: Iterator[Pair]) -> None:
        """One picture after the other, until none is left. Raises what would befall every one of them."""
        for base, out in queue:
            try:
                await self._make(base, out)
            except (CallError, OSError) as error:
                if _is_for_all(error):
                    raise
                answer = dict(error.answer) if isinstance(error, RequestFailed) else {}
                text = str(error.strerror) if isinstance(error, OSError) else describe_error(error)
                self._tally.add_failed(base, text, answer)

    async def _make(self, base: Path, out: Path) -> None:
        picture = Input(base)
        recipe = {"base": await asyncio.to_thread(picture.content), **self._shared.recipe}
        if self._manifest.has(out.name, recipe):
            self._tally.add_kept(base, out)
            return
        body = self._shared.body | {"base_image": await picture.for_one(self._api)}
        result = await make(self._api, self._shared.model, body, out, lambda _: None)
        self._manifest.add(out.name, recipe, result["request_id"])
        self._tally.add_made(base, as_json(result, out))


def _is_for_all(error: CallError | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    return isinstance(error, Unreachable) or (isinstance(error, Refused) and error.status in FOR_ALL)
