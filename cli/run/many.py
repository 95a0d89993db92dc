"""Renders many pictures into a folder, skipping up-to-date results and listing failures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from cli.client.api import Api
from cli.client.errors import CallError, explain
from cli.client.interruptible import gather_all, run
from cli.printing import ExitCode, stop
from cli.run.batches import render_in_batches
from cli.run.context import RequestParts, RunContext
from cli.run.items import Item, RunOptions, as_json
from cli.run.journal import FolderInUse, Journal
from cli.run.one import render_and_save
from cli.run.progress import Tally


def render_many(
    options: RunOptions, items: Sequence[Item], out_dir: Path, concurrency: int, in_batches: bool
) -> None:
    """Render the pictures that are missing or outdated. Raises `typer.Exit` unless all succeed."""
    tally = Tally(len(items), options.as_json)

    async def render(journal: Journal) -> None:
        async with Api.open(options.server, options.key, tally.on_pause) as api:
            parts = RequestParts(options, items, api)
            context = RunContext(api, options.model, parts, journal, tally, concurrency)
            await (render_in_batches if in_batches else render_one_by_one)(context, items)

    try:
        with Journal.open(out_dir) as journal, tally.shown():
            run(render(journal))
    except KeyboardInterrupt:
        typer.echo(tally.summary(), err=True)
        raise stop("interrupted: run the same command again to continue", ExitCode.INTERRUPTED) from None
    except FolderInUse as error:
        raise stop(str(error)) from None
    except CallError as error:
        typer.echo(tally.summary(), err=True)
        raise explain(error) from None
    except OSError as error:
        raise stop(f"{error.filename or out_dir}: {error.strerror}") from None
    for item in items:
        if item in tally.failed:
            typer.echo(f"{item.name}: {tally.failed[item]}", err=True)
    typer.echo(tally.summary(), err=True)
    if tally.failed:
        raise typer.Exit(ExitCode.FAILED)


async def render_one_by_one(context: RunContext, items: Sequence[Item]) -> None:
    """Raises errors that affect every picture."""
    common = await context.request_parts.common()
    queue = iter(items)

    async def work(queue: Iterator[Item]) -> None:
        for item in queue:
            with context.recording_failure(item):
                recipe = await context.recipe_unless_done(item)
                if recipe is None:
                    continue
                body = common | await context.request_parts.own(item)
                result = await render_and_save(context.api, context.model, body, item.out, lambda _: None)
                context.record_rendered(item, recipe, as_json(result, item.out))

    await gather_all(work(queue) for _ in range(min(context.concurrency, len(items))))
