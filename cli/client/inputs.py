"""Inputs as people name them, a file or a URL, and as a request carries them."""

import asyncio
import base64
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Self

import typer

from cli.client.errors import Refused

if TYPE_CHECKING:  # which loads httpx
    from cli.client.api import Api

INLINE_BYTES = 4 * 1024 * 1024
"""Up to here a file that is needed once goes within the request, and away with it; else it is uploaded."""

SHOWN_LENGTH = 100

NO_UPLOADS = frozenset({403, 413})
"""HTTP statuses of an answer to a key that may not upload, or has no room left."""


@dataclass(frozen=True)
class Input:
    """A picture to send: a `file`, or a `url` for the service to fetch."""

    file: Path | None = None
    url: str = ""

    @classmethod
    def parse(cls, text: str, option: str, folder: Path = Path()) -> Self:
        """Read what stood on the command line, or in a file of `folder`. Raises `typer.BadParameter`."""
        if text[:8].lower().startswith(("http://", "https://")):
            return cls(url=text)
        path = folder / text
        try:
            if path.is_file():
                return cls(path)
            why = "is a directory" if path.is_dir() else "is not there"
        except OSError as error:  # a text too long for a name
            why = str(error.strerror)
        shown = text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."
        raise typer.BadParameter(f"{shown!r} {why}: give a file or a URL", param_hint=option)

    @property
    def size(self) -> int:
        """Bytes of the file; of a URL 0. Raises OSError."""
        return 0 if self.file is None else self.file.stat().st_size

    def content(self) -> str:
        """What says whether it is the same picture again: a file's SHA-256, or the URL. Raises OSError."""
        if self.file is None:
            return self.url
        with self.file.open("rb") as opened:
            return f"sha256:{file_digest(opened, 'sha256').hexdigest()}"

    async def for_one(self, api: "Api") -> str:
        """As one request carries it. Raises OSError, `CallError`."""
        if self.file is None:
            return self.url
        if self.size <= INLINE_BYTES:
            return await asyncio.to_thread(_inline, self.file)
        return await api.upload(self.file)

    async def for_many(self, api: "Api") -> str:
        """As many requests carry it: uploaded once, or inline where that is refused and it is small."""
        if self.file is None:
            return self.url
        try:
            return await api.upload(self.file)
        except Refused as refused:
            if refused.status not in NO_UPLOADS or self.size > INLINE_BYTES:
                raise
            return await asyncio.to_thread(_inline, self.file)


async def carried(inputs: Mapping[str, Input], api: "Api") -> dict[str, str]:
    """By path, as one request carries them, a file of several paths once. Raises OSError, `CallError`."""
    sent = {
        picture: await (picture.for_one(api) if paths == 1 else picture.for_many(api))
        for picture, paths in Counter(inputs.values()).items()
    }
    return {path: sent[picture] for path, picture in inputs.items()}


def _inline(path: Path) -> str:
    return f"data:application/octet-stream;base64,{base64.b64encode(path.read_bytes()).decode()}"
