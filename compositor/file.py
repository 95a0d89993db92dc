"""Input files, whose bytes are read only if needed."""

from collections.abc import Callable
from functools import cached_property
from hashlib import sha256


class File:
    """An image file: its bytes `data`, their SHA-256 `digest`, and the `nbytes` of memory that it holds."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.nbytes = len(data)

    @property
    def data(self) -> bytes:
        return self._data

    @cached_property
    def digest(self) -> bytes:
        return sha256(self.data).digest()


class Unread(File):
    """A file that is not in memory: `read` returns the bytes with this `digest`, each time `data` is used."""

    def __init__(self, digest: bytes, read: Callable[[], bytes]) -> None:
        self.digest = digest
        self.nbytes = 0
        self._read = read

    @property
    def data(self) -> bytes:
        return self._read()
