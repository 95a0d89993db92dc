"""The files that the playground loads."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Self

from api.pages.bundle import bundle

TYPES = {"js": "text/javascript", "css": "text/css"}
SCRIPT = "playground.js"
"""All modules in one; each is also served by itself."""


@dataclass(frozen=True)
class Asset:
    """A file as it is sent, plain or packed with gzip."""

    data: bytes
    packed: bytes
    media_type: str
    etag: str

    @classmethod
    def of(cls, data: bytes, media_type: str) -> Self:
        """With its entity tag, weak because it stands for both forms."""
        etag = f'W/"{sha256(data).hexdigest()[:32]}"'
        return cls(data, gzip.compress(data, mtime=0), media_type, etag)


@cache
def assets() -> Mapping[str, Asset]:
    """Every file by its name."""
    folder = files("api.pages") / "static"
    texts = {each.name: each.read_text("utf-8") for each in folder.iterdir() if each.is_file()}
    everything = {**texts, SCRIPT: bundle(texts, "main.js")}
    return {
        name: Asset.of(text.encode(), TYPES[name.rpartition(".")[2]]) for name, text in everything.items()
    }
