"""What rendering many pictures needs, one by one or in batches."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from cli.client.api import Api, JsonObject
from cli.client.errors import (
    KEY_REFUSED,
    NOT_ENOUGH_CREDITS,
    CallError,
    Refused,
    RequestFailed,
    Unreachable,
    join_faults,
)
from cli.run.items import Item
from cli.run.journal import Journal, Recipe
from cli.run.progress import Tally
from cli.run.request_parts import RequestParts

FATAL_STATUSES = KEY_REFUSED | {NOT_ENOUGH_CREDITS}
"""HTTP statuses that every other picture would get too."""
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


class Prepared(NamedTuple):
    """A picture to render, with its recipe."""

    item: Item
    recipe: Recipe


@dataclass(frozen=True)
class RunContext:
    """`concurrency` is the number of pictures to send or download at once."""

    api: Api
    model: str
    request_parts: RequestParts
    journal: Journal
    tally: Tally
    concurrency: int

    async def recipe_unless_done(self, item: Item) -> Recipe | None:
        """None if an earlier run made the picture, which is counted. Raises OSError."""
        recipe = await self.request_parts.recipe(item)
        if not self.journal.has(item.out.name, recipe):
            return recipe
        self.tally.add_kept(item)
        return None

    def record_rendered(self, item: Item, recipe: Recipe, result: JsonObject) -> None:
        self.journal.add(item.out.name, recipe, result["request_id"])
        self.tally.add_made(item, result)

    @contextmanager
    def recording_failure(self, item: Item) -> Iterator[None]:
        """Record an error as this picture's failure. Raises errors that affect every picture."""
        try:
            yield
        except (CallError, OSError) as error:
            if _is_fatal(error):
                raise
            answer = dict(error.answer) if isinstance(error, RequestFailed) else {}
            text = str(error.strerror) if isinstance(error, OSError) else join_faults(error)
            self.tally.add_failed(item, text, answer)


def _is_fatal(error: CallError | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in DISK_ERRORS
    return isinstance(error, Unreachable) or (isinstance(error, Refused) and error.status in FATAL_STATUSES)
