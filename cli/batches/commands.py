"""`superimpose batches`: manages the batches of all keys directly in Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli.keys import KeyOption, key_ids
from cli.printing import AsJson, ExitCode, print_json, print_list, say, stop
from cli.requests.commands import ENDED, STORE_UNREACHABLE
from cli.serve.up_file import settings_here
from cli.timefmt import length, minute
from jobs.timefmt import rfc3339

if TYPE_CHECKING:
    from jobs.batches.reading import BatchReader
    from jobs.batches.record import BatchRecord

app = typer.Typer(help="List, show and cancel batches of all keys; save their results.", no_args_is_help=True)

T = TypeVar("T")

COUNTS = ("total", "queued", "processing", "completed", "failed")

BatchId = Annotated[str, typer.Argument(help="As `superimpose batches list` shows it.")]


@app.command("list")
def list_batches(
    key: KeyOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="How many to list.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List batches, newest first; they are kept until their last request expires."""
    from jobs.keys.api_keys import ApiKeys
    from jobs.redis.connection import connect

    ids = key_ids(ApiKeys(connect(settings_here())), key)

    async def newest(reader: "BatchReader") -> list["BatchRecord"]:
        found = [batch for each in ids for batch in (await reader.page(each, limit)).batches]
        return sorted(found, key=lambda batch: batch.created_at, reverse=True)[:limit]

    columns = ("id", "created", ">done", ">failed", "status", ">took")
    print_list(as_json, _with_reader(newest), as_object, columns, _row)


def _row(batch: "BatchRecord") -> list[str]:
    from cli.requests.output import STYLES

    return [
        batch.batch_id,
        minute(batch.created_at),
        f"{batch.completed:,}/{batch.total:,}",
        f"{batch.failed:,}",
        f"[{STYLES[batch.status]}]{batch.status}[/]{' cancelled' if batch.cancelled else ''}",
        length(batch.finished_at - batch.created_at) if batch.finished_at else "",
    ]


def as_object(batch: "BatchRecord") -> dict[str, Any]:
    """The `--json` output: no URLs or file names, which would give access to the pictures."""
    return {
        "batch_id": batch.batch_id,
        "status": batch.status,
        "cancelled": batch.cancelled,
        "key_id": batch.key_id,
        "request_counts": {name: getattr(batch, name) for name in COUNTS},
        "created_at": rfc3339(batch.created_at),
        "finished_at": None if batch.finished_at is None else rfc3339(batch.finished_at),
        "expires_at": batch.expires,
    }


@app.command()
def show(batch_id: BatchId, as_json: AsJson = False) -> None:
    """Show the progress of a batch."""
    from cli.requests.output import print_fields

    batch = _with_reader(lambda reader: _find(reader, batch_id))
    print_json(as_object(batch)) if as_json else print_fields(as_object(batch))


@app.command()
def cancel(batch_id: BatchId, as_json: AsJson = False) -> None:
    """Cancel a batch: queued requests become FAILED `cancelled`, those being processed go on."""
    from jobs.batches.progress import BatchProgress
    from jobs.lifecycle.moves import IllegalMove
    from jobs.redis.connection import connect

    settings = settings_here()
    try:
        BatchProgress(connect(settings), settings).cancel(batch_id)
    except IllegalMove as refused:
        if refused.reason == "terminal":
            raise stop(f"{batch_id} {ENDED}: see `superimpose batches results`") from None
        raise unknown_batch(batch_id) from None
    batch = _with_reader(lambda reader: _find(reader, batch_id))
    done = f"{batch.completed:,} of its {batch.total:,} requests are COMPLETED"
    text = f"{batch_id} is cancelled, {done}, {batch.processing:,} are being processed"
    say(as_json, as_object(batch), text)


@app.command()
def results(
    batch_id: BatchId,
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Save the pictures in this folder."),
    ] = None,
    zip_file: Annotated[
        Path | None, typer.Option("--zip", metavar="FILE", dir_okay=False, help="Save them as a ZIP.")
    ] = None,
) -> None:
    """Print a line of JSON for each finished request, or save the pictures."""
    from obstore.exceptions import BaseError as StoreError

    from cli.batches.saving import print_results, save_pictures, save_zip
    from jobs.pictures.store import PictureStore

    if to and zip_file:
        raise typer.BadParameter("--to and --zip contradict each other: give one of them")
    store = PictureStore.open(settings_here())

    async def save(reader: "BatchReader") -> int:
        batch = await _find(reader, batch_id)
        if to:
            return await save_pictures(reader, store, batch, to)
        await (save_zip(reader, store, batch, zip_file) if zip_file else print_results(reader, batch))
        return 0

    try:
        missing = _with_reader(save)
    except OSError as error:
        raise stop(f"{error.filename}: {error.strerror}") from None
    except StoreError:
        raise stop(STORE_UNREACHABLE) from None
    if missing:
        raise typer.Exit(ExitCode.FAILED)


def unknown_batch(batch_id: str) -> typer.Exit:
    return stop(f"there is no batch {ascii(batch_id)[1:-1]}: it never existed or has expired")


def _with_reader(read: "Callable[[BatchReader], Awaitable[T]]") -> T:
    from jobs.batches.reading import BatchReader
    from jobs.redis.connection import connect_async

    async def run() -> T:
        async with connect_async(settings_here()) as redis:
            return await read(BatchReader(redis))

    return asyncio.run(run())


async def _find(reader: "BatchReader", batch_id: str) -> "BatchRecord":
    batch = await reader.batch(batch_id)
    if batch is None:
        raise unknown_batch(batch_id)
    return batch
