"""The body of a batch: NDJSON that is made as it is sent."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

from cli.run.ingredients import Ingredients
from cli.run.items import Item
from cli.run.journal import Recipe

AT_ONCE = 64 * 1024  # bytes of lines that are sent together


class Prepared(NamedTuple):
    """A picture to make, by content."""

    item: Item
    recipe: Recipe


class Unreadable(Exception):
    """A file cannot be read while its line is made; the server accepts nothing of a body that breaks off."""

    def __init__(self, place: int, error: OSError) -> None:
        super().__init__(str(error))
        self.place = place
        self.error = error


class BatchBody:
    """Some lines of it are in memory at a time; each time it is read, files are read again."""

    def __init__(
        self, common: Mapping[str, Any], pictures: Sequence[Prepared], ingredients: Ingredients
    ) -> None:
        self._common = common
        self._pictures = pictures
        self._ingredients = ingredients

    async def __aiter__(self) -> AsyncIterator[bytes]:
        lines = bytearray(_line({"defaults": self._common}))
        for place, picture in enumerate(self._pictures):
            try:
                lines += _line(await self._ingredients.own(picture.item))
            except OSError as error:
                raise Unreadable(place, error) from error
            if len(lines) > AT_ONCE:
                yield bytes(lines)
                lines.clear()
        yield bytes(lines)


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"
