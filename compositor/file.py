"""Input files, whose bytes are read only where they are needed."""

from collections.abc import Callable
from functools import cached_property
from hashlib import sha256


class File:
    """An image file in memory: its bytes `data` and their SHA-256, `digest`, which may be known."""

    def __init__(self, data: bytes, digest: bytes = b"") -> None:
        self._data = data
        if digest:
            self.digest = digest

    @property
    def data(self) -> bytes:
        return self._data

    @cached_property
    def digest(self) -> bytes:
        return sha256(self.data).digest()


class Unread(File):
    """A file of which the `digest` is known; `read` gets the bytes each time that they are asked for.

    If the file has changed since, `digest` becomes that of what was read.
    """

    def __init__(self, digest: bytes, read: Callable[[], bytes]) -> None:
        self.digest = digest
        self._read = read

    @property
    def data(self) -> bytes:
        data = self._read()
        self.digest = sha256(data).digest()
        return data
