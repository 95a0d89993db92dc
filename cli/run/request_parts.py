"""Builds the request bodies of a run, and the recipes that tell whether a result is up to date."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from cli.client.api import Api
from cli.client.inputs import INLINE_BYTES, Input
from cli.run.items import Item, RunOptions
from cli.run.journal import Recipe
from compositor.models import with_model
from jobs.lifecycle.options import RequestOptions
from jobs.pictures.inputs import with_pictures

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
        """The parameters that all pictures share."""
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


class BatchBody:
    """The lines of a batch, streamed in chunks; each iteration reads the files again."""

    def __init__(self, common: Mapping[str, Any], items: Sequence[Item], request_parts: RequestParts) -> None:
        self._common = common
        self._items = items
        self._request_parts = request_parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        lines = bytearray(_line({"defaults": self._common}))
        for index, item in enumerate(self._items):
            try:
                lines += _line(await self._request_parts.own(item))
            except OSError as error:
                raise Unreadable(index, error) from error
            if len(lines) > CHUNK_BYTES:
                yield bytes(lines)
                lines.clear()
        yield bytes(lines)


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"
