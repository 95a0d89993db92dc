"""Writes the results of a batch: as lines of JSON, as pictures in a folder, or as a ZIP."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from api.batches.archive import GONE, zip_pictures
from api.batches.members import EXPIRED, PAGE, all_members, entries, read_members
from api.batches.names import FileNames
from cli.output_files import atomic_write
from cli.printing import print_json
from cli.requests.output import as_object, describe_output
from jobs.batches.reading import BatchReader, Member
from jobs.batches.record import BatchRecord
from jobs.lifecycle.options import echo
from jobs.lifecycle.record import Record, View
from jobs.lifecycle.status import TERMINAL
from jobs.pictures.store import PictureGone, PictureStore


async def print_results(reader: BatchReader, batch: BatchRecord) -> None:
    members = await all_members(reader, batch.batch_id)
    for start in range(0, len(members), PAGE):
        for member, record in await read_members(reader, members[start : start + PAGE], View.LISTED):
            if record is None or record.status in TERMINAL:
                print_json(_line(member, record))


async def save_pictures(reader: BatchReader, store: PictureStore, batch: BatchRecord, folder: Path) -> int:
    """Returns the number of missing pictures, which are listed with the reason on stderr. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    names, saved, missing = FileNames(), 0, 0
    async for page in entries(reader, await all_members(reader, batch.batch_id)):
        for entry in page:
            data = None
            with suppress(PictureGone):
                data = store.get(entry.output.path) if entry.output else None
            if entry.output is None or data is None:
                missing += 1
                typer.echo(f"{entry.name}: {GONE if entry.output else entry.reason}", err=True)
                continue
            suffix = f".{entry.output.file_name.rpartition('.')[2]}"
            with atomic_write(folder / names.unique(entry.name, suffix)) as file:
                file.write(data)
            saved += 1
    typer.echo(f"{saved:,} saved{f', {missing:,} missing' if missing else ''}", err=True)
    return missing


async def save_zip(reader: BatchReader, store: PictureStore, batch: BatchRecord, path: Path) -> None:
    """`missing.txt` in the ZIP lists missing pictures. Raises OSError."""

    async def read(path: str, start: int, end: int) -> bytes:
        return await asyncio.to_thread(store.get_range, path, start, end)

    pages = entries(reader, await all_members(reader, batch.batch_id))
    with atomic_write(path) as file:
        async for chunk in zip_pictures(read, pages, batch.created_at):
            file.write(chunk)


def _line(member: Member, record: Record | None) -> dict[str, Any]:
    if record is None:
        ids = {"request_id": member.request_id, **echo(member.custom_id)}
        return {**ids, "code": "expired", "error": EXPIRED}
    return {**as_object(record), "output": describe_output(record.output) if record.output else None}
