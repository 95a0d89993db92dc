"""`.superimpose.jsonl` in a folder of results: what was made of what, so that it is not made again.

A line for each picture, added when it is there; of several about one picture the last one counts. Three for a
batch: before it is sent, once it was accepted, and once all that came of it was told.
"""

import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass
class Batch:
    """One that was sent, or was about to be: the name and the digest of the recipe of each picture in it."""

    idempotency_key: str
    pictures: Sequence[tuple[str, str]]
    batch_id: str | None = None


class Journal:
    """What is known of the pictures in a folder, and is this run's alone."""

    def __init__(self, folder: Path, file: IO[str]) -> None:
        self._folder = folder
        self._file = file
        self._made: dict[str, str] = {}
        self._batches: dict[str, Batch] = {}
        line = "\n"
        for line in file:
            self._read(line)
        if not line.endswith("\n"):  # that was cut off: the next one gets a line of its own
            file.write("\n")

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator["Journal"]:
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

    @property
    def batches(self) -> list[Batch]:
        """Those that a run did not see the end of."""
        return list(self._batches.values())

    def has(self, name: str, recipe: Recipe) -> bool:
        """Whether this picture is there and was made of the same."""
        return self._made.get(name) == digest(recipe) and (self._folder / name).is_file()

    def add(self, name: str, recipe: Recipe, request_id: str) -> None:
        self._write({"output": name, **recipe, "request_id": request_id})
        self._made[name] = digest(recipe)

    def begin(self, batch: Batch) -> None:
        """Before it is sent, so that it is never sent as another one."""
        self._write({"batch": batch.idempotency_key, "pictures": batch.pictures})

    def accept(self, batch: Batch) -> None:
        self._write({"batch": batch.idempotency_key, "batch_id": batch.batch_id})

    def end(self, batch: Batch) -> None:
        """Nothing more will come of it."""
        self._write({"batch": batch.idempotency_key, "ended": True})

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(f"{json.dumps(line, ensure_ascii=True)}\n")
        self._file.flush()

    def _read(self, line: str) -> None:
        """Nothing from a line that was cut off."""
        try:
            found = json.loads(line)
            if "batch" in found:
                self._read_batch(found["batch"], found)
            else:
                self._made[found["output"]] = digest({name: found[name] for name in INGREDIENTS})
        except (ValueError, TypeError, KeyError):
            return

    def _read_batch(self, key: str, found: Mapping[str, Any]) -> None:
        if "pictures" in found:
            self._batches[key] = Batch(key, [(name, made_of) for name, made_of in found["pictures"]])
        elif "batch_id" in found:
            self._batches[key].batch_id = found["batch_id"]
        else:
            self._batches.pop(key, None)


def digest(recipe: Recipe) -> str:
    return sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
