"""`.superimpose.jsonl` in a folder of results: what each was made of, so that it is not made again.

A line for each picture, added when it is there; of several about one picture the last one counts.
"""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from cli.client.saving import drop_parts

NAME = ".superimpose.jsonl"

Recipe = Mapping[str, Any]
"""What a picture is made of: `base`, `overlay`, `mask` and the pictures in `parameters` by content."""
INGREDIENTS = ("base", "overlay", "mask", "parameters")


class FolderInUse(Exception):
    """Another run writes to this folder."""


class Manifest:
    """What is known of the pictures in a folder, and is this run's alone."""

    def __init__(self, folder: Path, file: IO[str]) -> None:
        self._folder = folder
        self._file = file
        self._made: dict[str, str] = {}
        line = "\n"
        for line in file:
            self._made |= _read(line)
        if not line.endswith("\n"):  # that was cut off: the next one gets a line of its own
            file.write("\n")

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator["Manifest"]:
        """Of a folder that is made if it is not there. Raises OSError, `FolderInUse`."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / NAME).open("a+", encoding="utf-8", errors="replace") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FolderInUse(
                    f"another run writes to {folder}: wait for it, or give another --out"
                ) from None
            drop_parts(folder)
            file.seek(0)
            yield cls(folder, file)

    def has(self, name: str, recipe: Recipe) -> bool:
        """Whether this picture is there and was made of the same."""
        return self._made.get(name) == _digest(recipe) and (self._folder / name).is_file()

    def add(self, name: str, recipe: Recipe, request_id: str) -> None:
        line = json.dumps({"output": name, **recipe, "request_id": request_id}, ensure_ascii=True)
        self._file.write(f"{line}\n")
        self._file.flush()
        self._made[name] = _digest(recipe)


def _read(line: str) -> dict[str, str]:
    """Digest of the recipe by name; nothing from a line that was cut off."""
    try:
        found = json.loads(line)
        return {found["output"]: _digest({name: found[name] for name in INGREDIENTS})}
    except (ValueError, TypeError, KeyError):
        return {}


def _digest(recipe: Recipe) -> str:
    return sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
