"""The files that the playground loads."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """A file as it is sent."""

    data: bytes
    media_type: str
    etag: str


@cache
def assets() -> Mapping[str, Asset]:
    """Every file by its name."""
    found = (files("api.playground") / "static").iterdir()
    return {each.name: _asset(each.name, each.read_bytes()) for each in found if each.is_file()}


def etag_of(data: bytes) -> str:
    """The entity tag of these bytes."""
    return f'"{sha256(data).hexdigest()[:32]}"'


def _asset(name: str, data: bytes) -> Asset:
    return Asset(data, TYPES[name.rpartition(".")[2]], etag_of(data))
