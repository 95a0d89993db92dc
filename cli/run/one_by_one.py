"""Many pictures as requests of their own, several at a time."""

from collections.abc import Iterator, Sequence

from cli.client.interruptible import together
from cli.client.picture import make
from cli.run.bench import Bench
from cli.run.items import Item
from cli.run.result import as_json


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
