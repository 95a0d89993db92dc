"""Many pictures into one folder: what is there already is kept, what fails is listed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from cli.client.api import Api
from cli.client.errors import CallError
from cli.client.explain import explain
from cli.client.interruptible import run, together
from cli.client.picture import make
from cli.exit_codes import ExitCode, stop
from cli.run.batches import make_in_batches
from cli.run.context import Bench
from cli.run.ingredients import Ingredients
from cli.run.items import Item, RunOptions, as_json
from cli.run.journal import FolderInUse, Journal
from cli.run.tally import Tally


def make_many(
    options: RunOptions, items: Sequence[Item], out_dir: Path, at_a_time: int, in_batches: bool
) -> None:
    """Make each picture that is not there. Raises `typer.Exit`, unless all are there in the end."""
    tally = Tally(len(items), options.as_json)
    try:
        with Journal.open(out_dir) as journal, tally.shown():
            run(_make(options, items, journal, tally, at_a_time, in_batches))
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
    for item in items:
        if item in tally.failed:
            typer.echo(f"{item.name}: {tally.failed[item]}", err=True)
    typer.echo(tally.summary(), err=True)
    if tally.failed:
        raise typer.Exit(ExitCode.FAILED)


async def _make(
    options: RunOptions,
    items: Sequence[Item],
    journal: Journal,
    tally: Tally,
    at_a_time: int,
    in_batches: bool,
) -> None:
    async with Api.open(options.server, options.key, tally.on_pause) as api:
        ingredients = Ingredients(options, items, api)
        bench = Bench(api, options.model, ingredients, journal, tally, at_a_time)
        await (make_in_batches if in_batches else make_one_by_one)(bench, items)


async def make_one_by_one(bench: Bench, items: Sequence[Item]) -> None:
    """Raises what would befall every one of them."""
    common = await bench.ingredients.common()
    queue = iter(items)

    async def work(queue: Iterator[Item]) -> None:
        for item in queue:
            with bench.noting(item):
                recipe = await bench.recipe_of_new(item)
                if recipe is None:
                    continue
                body = common | await bench.ingredients.own(item)
                result = await make(bench.api, bench.model, body, item.out, lambda _: None)
                bench.note_made(item, recipe, as_json(result, item.out))

    await together(work(queue) for _ in range(min(bench.at_a_time, len(items))))
