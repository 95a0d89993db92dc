"""What many pictures are made with, one by one or in batches."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from cli.client.api import Api, JsonObject
from cli.client.errors import KEY_REFUSED, NOT_ENOUGH_CREDITS, CallError, Refused, RequestFailed, Unreachable
from cli.client.explain import describe_faults
from cli.run.ingredients import Ingredients
from cli.run.items import Item
from cli.run.journal import Journal, Recipe
from cli.run.tally import Tally

FOR_ALL = KEY_REFUSED | {NOT_ENOUGH_CREDITS}
"""HTTP statuses of an answer that every other picture would get too."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


class Prepared(NamedTuple):
    """A picture to make, by content."""

    item: Item
    recipe: Recipe


@dataclass(frozen=True)
class Bench:
    """`at_a_time`: how many pictures are sent or fetched at once."""

    api: Api
    model: str
    ingredients: Ingredients
    journal: Journal
    tally: Tally
    at_a_time: int

    async def recipe_of_new(self, item: Item) -> Recipe | None:
        """None of a picture that is there already, which is noted. Raises OSError."""
        recipe = await self.ingredients.recipe(item)
        if not self.journal.has(item.out.name, recipe):
            return recipe
        self.tally.add_kept(item)
        return None

    def note_made(self, item: Item, recipe: Recipe, made: JsonObject) -> None:
        self.journal.add(item.out.name, recipe, made["request_id"])
        self.tally.add_made(item, made)

    @contextmanager
    def noting(self, item: Item) -> Iterator[None]:
        """Note what goes wrong with this one. Raises what would befall every other one too."""
        try:
            yield
        except (CallError, OSError) as error:
            if _is_for_all(error):
                raise
            answer = dict(error.answer) if isinstance(error, RequestFailed) else {}
            text = str(error.strerror) if isinstance(error, OSError) else describe_faults(error)
            self.tally.add_failed(item, text, answer)


def _is_for_all(error: CallError | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    return isinstance(error, Unreachable) or (isinstance(error, Refused) and error.status in FOR_ALL)
