"""Fetchers with a cache, and a view of its files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.fetch.conftest import RULES, TLS
from worker.fetch import BoundedDirectory, Fetcher, FetchRules, Reserve

ROOM = 1_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "http-cache"


def fetching(folder: Path, rules: FetchRules = RULES) -> Fetcher:
    return Fetcher(rules, ssl_context=TLS, cache_directory=BoundedDirectory(folder, ROOM))


@pytest.fixture
def fetcher(folder: Path) -> Iterator[Fetcher]:
    with fetching(folder) as fetcher:
        yield fetcher


def read(files: BoundedDirectory, name: str, reserve: Reserve = lambda _: None) -> tuple[bytes, bytes] | None:
    """Head and body of a file, or None if they are missing or damaged."""
    with files.opened(name) as entry:
        body = entry.body(reserve) if entry else None
        return (entry.head, body) if entry and body is not None else None


def only(folder: Path) -> Path:
    """The only file of the cache."""
    [path] = folder.iterdir()
    return path
