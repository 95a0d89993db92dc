"""Input pictures: parsed from the command line, sent inline, as an upload or by URL."""

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
"""Limit of a file to send inline, if one request uses it; the service deletes it with the request."""

SHOWN_LENGTH = 100

NO_UPLOADS = frozenset({403, 413})
"""HTTP statuses for a key without the scope `upload`, or with its storage used up."""


@dataclass(frozen=True)
class Input:
    """A picture: a local `file`, or a `url` that the service fetches."""

    file: Path | None = None
    url: str = ""

    @classmethod
    def parse(cls, text: str, option: str, folder: Path = Path()) -> Self:
        """Parse a URL, or a path relative to `folder`. Raises `typer.BadParameter`."""
        if text[:8].lower().startswith(("http://", "https://")):
            return cls(url=text)
        path = folder / text
        try:
            if path.is_file():
                return cls(path)
            why = "is a directory" if path.is_dir() else "does not exist"
        except OSError as error:  # the text is too long for a file name
            why = str(error.strerror)
        shown = text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."
        raise typer.BadParameter(f"{shown!r} {why}: give a file or a URL", param_hint=option)

    @property
    def size(self) -> int:
        """0 for a URL. Raises OSError."""
        return 0 if self.file is None else self.file.stat().st_size

    def fingerprint(self) -> str:
        """Identifies the picture across runs: the file's SHA-256, or the URL. Raises OSError."""
        if self.file is None:
            return self.url
        with self.file.open("rb") as opened:
            return f"sha256:{file_digest(opened, 'sha256').hexdigest()}"

    async def inline_or_upload(self, api: "Api") -> str:
        """A reference for one request: small files inline, others as uploads. Raises OSError, `CallError`."""
        if self.file is None:
            return self.url
        if self.size <= INLINE_BYTES:
            return await asyncio.to_thread(_inline, self.file)
        return await api.upload(self.file)

    async def upload_or_inline(self, api: "Api") -> str:
        """A reference for several requests: an upload, or if that is refused a small file inline."""
        if self.file is None:
            return self.url
        try:
            return await api.upload(self.file)
        except Refused as refused:
            if refused.status not in NO_UPLOADS or self.size > INLINE_BYTES:
                raise
            return await asyncio.to_thread(_inline, self.file)


async def send_inputs(inputs: Mapping[str, Input], api: "Api") -> dict[str, str]:
    """References for one request, by parameter path; a file of several is uploaded once.

    Raises OSError, `CallError`.
    """
    sent = {
        picture: await (picture.inline_or_upload(api) if paths == 1 else picture.upload_or_inline(api))
        for picture, paths in Counter(inputs.values()).items()
    }
    return {path: sent[picture] for path, picture in inputs.items()}


def _inline(path: Path) -> str:
    return f"data:application/octet-stream;base64,{base64.b64encode(path.read_bytes()).decode()}"
