"""`.superimpose.jsonl` in a folder of results: the recipe of each result, so that it is not rendered again.

A line is added when a picture is saved; the last line of a picture counts. A batch has three lines: before it
is sent, once it is accepted, and once all of its results are saved or reported.
"""

import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from cli.output_files import delete_partial_files

NAME = ".superimpose.jsonl"

Recipe = Mapping[str, Any]
"""`base`, `overlay`, `mask` and `parameters` of a picture, with fingerprints in place of files."""
RECIPE_FIELDS = ("base", "overlay", "mask", "parameters")


class FolderInUse(Exception):
    """Another run writes to this folder."""


@dataclass
class Batch:
    """A batch sent or about to be sent: name and recipe digest of each picture."""

    idempotency_key: str
    pictures: Sequence[tuple[str, str]]
    batch_id: str | None = None


class Journal:
    """The journal of a folder, locked for this run."""

    def __init__(self, folder: Path, file: IO[str]) -> None:
        self._folder = folder
        self._file = file
        self._made: dict[str, str] = {}  # recipe digests by name
        self._batches: dict[str, Batch] = {}
        line = "\n"
        for line in file:
            self._read(line)
        if not line.endswith("\n"):  # a killed run left it incomplete
            file.write("\n")

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator["Journal"]:
        """Creates the folder if it is missing. Raises OSError, `FolderInUse`."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / NAME).open("a+", encoding="utf-8", errors="replace") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FolderInUse(
                    f"another run writes to {folder}: wait for it, or give another --out"
                ) from None
            delete_partial_files(folder)
            file.seek(0)
            yield cls(folder, file)

    @property
    def unfinished_batches(self) -> list[Batch]:
        return list(self._batches.values())

    def has(self, name: str, recipe: Recipe) -> bool:
        return self._made.get(name) == digest(recipe) and (self._folder / name).is_file()

    def add(self, name: str, recipe: Recipe, request_id: str) -> None:
        self._write({"output": name, **recipe, "request_id": request_id})
        self._made[name] = digest(recipe)

    def begin(self, batch: Batch) -> None:
        """To be called before sending, so that a later run repeats it with the same idempotency key."""
        self._write({"batch": batch.idempotency_key, "pictures": batch.pictures})

    def accept(self, batch: Batch) -> None:
        self._write({"batch": batch.idempotency_key, "batch_id": batch.batch_id})

    def end(self, batch: Batch) -> None:
        self._write({"batch": batch.idempotency_key, "ended": True})

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(f"{json.dumps(line, ensure_ascii=True)}\n")
        self._file.flush()

    def _read(self, line: str) -> None:
        """Ignores a line that was cut off."""
        with suppress(ValueError, TypeError, KeyError):
            match json.loads(line):
                case {"batch": key, "pictures": pictures}:
                    self._batches[key] = Batch(key, [(name, hashed) for name, hashed in pictures])
                case {"batch": key, "batch_id": batch_id}:
                    self._batches[key].batch_id = batch_id
                case {"batch": key}:
                    self._batches.pop(key, None)
                case {"output": name, **recipe}:
                    self._made[name] = digest({field: recipe[field] for field in RECIPE_FIELDS})


def digest(recipe: Recipe) -> str:
    return sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
