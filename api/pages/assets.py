"""The files that the pages load: style sheets, and JavaScript as the modules that it is written in."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from importlib.resources import files

TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
SWAGGER_UI = ("swagger-ui-bundle.js", "swagger-ui.css")


@dataclass(frozen=True)
class Asset:
    data: bytes
    media_type: str

    @cached_property
    def compressed(self) -> bytes:
        return gzip.compress(self.data, mtime=0)


@cache
def assets() -> Mapping[str, Asset]:
    swagger_ui = files("fastapi_offline") / "static"
    ours = (each for each in (files("api.pages") / "static").iterdir() if each.is_file())
    return {
        each.name: Asset(each.read_bytes(), TYPES[each.name.rpartition(".")[2]])
        for each in (*ours, *(swagger_ui / name for name in SWAGGER_UI))
    }


@cache
def version() -> str:
    """Of all files together. It stands in their URLs, so that a browser may keep them for good."""
    digest = sha256()
    for name, asset in sorted(assets().items()):
        digest.update(f"{name} {len(asset.data)}\n".encode() + asset.data)
    return digest.hexdigest()[:16]
