"""What rendering many pictures needs: request bodies, recipes, the journal, and counts."""

import asyncio
import errno
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

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
from cli.client.inputs import INLINE_BYTES, Input
from cli.run.items import Item, RunOptions
from cli.run.journal import Journal, Recipe
from cli.run.progress import Tally
from compositor.models import with_model
from jobs.lifecycle.options import RequestOptions
from jobs.pictures.inputs import with_pictures

FATAL_STATUSES = KEY_REFUSED | {NOT_ENOUGH_CREDITS}
"""HTTP statuses that every other picture would get too."""
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
CHUNK_BYTES = 64 * 1024


class RequestParts:
    """Uploads a file that several pictures use only once. Methods raise OSError, `CallError`."""

    def __init__(self, options: RunOptions, items: Iterable[Item], api: Api) -> None:
        self._options = options
        self._api = api
        self._uses = Counter(picture for item in items for picture in item.inputs.values())
        self._uploads: dict[Input, asyncio.Task[str]] = {}
        self._fingerprints: dict[Input, str] = {}

    async def common(self) -> dict[str, Any]:
        inputs = self._options.inputs
        sent = {path: await self._uploaded(picture) for path, picture in inputs.items()}
        return with_pictures(self._options.parameters, sent)

    async def own(self, item: Item) -> dict[str, Any]:
        """The parameters of this picture alone, with small files inline."""
        sent = {
            path: await (
                picture.inline_or_upload(self._api) if self._is_inline(picture) else self._uploaded(picture)
            )
            for path, picture in item.inputs.items()
        }
        return with_pictures(item.params, sent)

    async def upload(self, item: Item) -> int:
        """Upload files that are not sent inline; returns the bytes of files that no other picture uses."""
        for picture in item.inputs.values():
            if not self._is_inline(picture):
                await self._uploaded(picture)
        return sum(picture.size for picture in item.inputs.values() if self._uses[picture] == 1)

    async def recipe(self, item: Item) -> Recipe:
        options = self._options
        common = {path: await self._fingerprint(picture) for path, picture in options.inputs.items()}
        own = {path: await self._fingerprint(picture) for path, picture in item.inputs.items()}
        given = with_pictures(options.parameters, common) | with_pictures(item.params, own)
        values = {
            name: value
            for name, value in given.items()
            if value is not None and name not in RequestOptions.model_fields
        }
        return {
            "base": values.pop("base_image"),
            "overlay": values.pop("overlay_image", None),
            "mask": values.pop("mask", None),
            "parameters": with_model(values, options.model),
        }

    async def _fingerprint(self, picture: Input) -> str:
        if picture not in self._fingerprints:
            self._fingerprints[picture] = await asyncio.to_thread(picture.fingerprint)
        return self._fingerprints[picture]

    async def _uploaded(self, picture: Input) -> str:
        if picture not in self._uploads:
            self._uploads[picture] = asyncio.create_task(picture.upload_or_inline(self._api))
        return await self._uploads[picture]

    def _is_inline(self, picture: Input) -> bool:
        return picture.file is not None and self._uses[picture] == 1 and picture.size <= INLINE_BYTES


class Unreadable(Exception):
    """A file could not be read while the body was sent; the server accepts nothing of an incomplete body."""

    def __init__(self, index: int, error: OSError) -> None:
        super().__init__(str(error))
        self.index = index
        self.error = error


@dataclass(frozen=True)
class BatchBody:
    """The lines of a batch, streamed in chunks; each iteration reads the files again."""

    common: Mapping[str, Any]
    items: Sequence[Item]
    request_parts: RequestParts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        lines = bytearray(_line({"defaults": self.common}))
        for index, item in enumerate(self.items):
            try:
                lines += _line(await self.request_parts.own(item))
            except OSError as error:
                raise Unreadable(index, error) from error
            if len(lines) > CHUNK_BYTES:
                yield bytes(lines)
                lines.clear()
        yield bytes(lines)


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"


class Prepared(NamedTuple):
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
