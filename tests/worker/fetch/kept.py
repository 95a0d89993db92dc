"""Reads an entry of a directory."""

from worker.fetch import BoundedDirectory, Reserve


def read(kept: BoundedDirectory, name: str, reserve: Reserve = lambda _: None) -> tuple[bytes, bytes] | None:
    """Head and body, or None if they are missing or damaged."""
    with kept.opened(name) as entry:
        body = entry.body(reserve) if entry else None
        return (entry.head, body) if entry and body is not None else None
