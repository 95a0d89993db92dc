"""A bounded directory of files, where what was used longest ago makes room for what is new.

Processes and threads share it without a lock: a file appears whole, by its name's last rename, and a reader
that finds it gone or broken goes without. Its size is not recorded anywhere but counted by a scan.

Why not a library's: hishel's `SqliteStorage` takes 2.8 ms of processor time to write 0.5 MB and 1.3 ms to
read it (here 0.6 and 0.35 ms), its one file outgrows the RLIMIT_FSIZE of the process that decodes, and its
pages have no checksum. diskcache unpickles what another process wrote; CacheControl's files have no bound.
"""

import logging
import os
import random
import re
import secrets
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from worker.fetch.answers import Reserve, unbounded

logger = logging.getLogger("superimpose.fetch")

LARGEST_SHARE = 8  # no file has more than this part of all bytes
SPARE_SHARE = 8  # this part is freed by a scan, for what is written until the next one
SCANS = 64  # while `max_bytes` are written: one of 13,000 files takes 100 ms
UNUSED_S = 86_400
USED_S = 1  # what was used within so long is not marked as used again
USUAL_HEAD = 1024  # bytes that are read before its length is known

_OURS = re.compile(r"[0-9a-f]{64}|\.[0-9a-f]{32}", re.ASCII)
"""An entry, or a file being written. Anything else is not ours, neither counted nor deleted."""

_START = struct.Struct(">III")
"""Of a file: checksum of the rest of this and the head, that of the body, length of the head; both follow."""


class Listed(NamedTuple):
    """`used`: when last, in seconds since the epoch."""

    used: float
    size: int
    path: str


@dataclass(frozen=True)
class Entry:
    """A file that is open: its head, and where its body begins, how long that is and what it sums to."""

    head: bytes
    _descriptor: int
    _start: int
    _size: int
    _checksum: int

    def body(self, reserve: Reserve = unbounded) -> bytes | None:
        """None if it is not as it was written, or cannot be read. Raises what `reserve` raises."""
        reserve(self._size)
        try:
            body = os.pread(self._descriptor, self._size, self._start)
        except OSError:
            return None
        return body if zlib.crc32(body) == self._checksum else None


class BoundedDirectory:
    """Files of a short head and a long body, by a SHA-256 in hex, together of about `max_bytes`.

    The first write makes it, for our user alone.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._has_warned = False

    @contextmanager
    def opened(self, name: str) -> Iterator[Entry | None]:
        """What is there under a name, open for the while; None if nothing is, or its head is damaged."""
        try:
            descriptor = os.open(f"{self._path}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            yield None
            return
        try:
            yield self._entry(descriptor)
        finally:
            os.close(descriptor)

    def _entry(self, descriptor: int) -> Entry | None:
        try:
            status = os.fstat(descriptor)
            begin = os.pread(descriptor, USUAL_HEAD, 0)
            _, checksum, length = _START.unpack_from(begin)
            end = _START.size + length
            if not end <= status.st_size <= _START.size + self._largest:
                return None
            head = (begin if end <= len(begin) else os.pread(descriptor, end, 0))[_START.size : end]
        except (OSError, struct.error):
            return None
        if begin[: _START.size] != _start(head, checksum):
            return None
        if abs(time.time() - status.st_mtime) > USED_S:
            with suppress(OSError):  # a disk that became read-only
                os.utime(descriptor)
        return Entry(head, descriptor, end, status.st_size - end, checksum)

    def write(self, name: str, head: bytes, body: bytes) -> None:
        """Keep them, unless they are too large. The first failure is logged, none is raised."""
        size = len(head) + len(body)
        if size > self._largest:
            return
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if random.random() * self._max_bytes < size * SCANS:  # noqa: S311 - not a secret
                self._make_room(size)
            self._put(name, _start(head, zlib.crc32(body)), head, body)
        except OSError as error:
            if not self._has_warned:
                logger.warning("fetched inputs cannot be kept: %s", error)
            self._has_warned = True

    def replace_head(self, name: str, old: bytes, new: bytes) -> bool:
        """Overwrite the head `old` by `new`, if it is still there and as long; whether it was."""
        if len(new) != len(old):
            return False
        try:
            with (self._path / name).open("r+b", buffering=0) as file:
                start = file.read(_START.size)
                _, checksum, _ = _START.unpack(start)
                if start != _start(old, checksum) or file.read(len(old)) != old:
                    return False
                os.pwrite(file.fileno(), _start(new, checksum) + new, 0)
        except (OSError, struct.error):
            return False
        return True

    @property
    def _largest(self) -> int:
        return self._max_bytes // LARGEST_SHARE

    def _put(self, name: str, *parts: bytes) -> None:
        temporary = self._path / f".{secrets.token_hex(16)}"
        try:
            with temporary.open("xb") as file:
                file.writelines(parts)
            temporary.replace(self._path / name)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _make_room(self, size: int) -> None:
        files = sorted(self._files())
        excess = sum(file.size for file in files) + size - self._max_bytes * (SPARE_SHARE - 1) // SPARE_SHARE
        unused_since = time.time() - UNUSED_S
        for file in files:
            if excess <= 0 and file.used > unused_since:
                return
            Path(file.path).unlink(missing_ok=True)
            excess -= file.size

    def _files(self) -> Iterator[Listed]:
        with os.scandir(self._path) as entries:
            for entry in entries:
                if not _OURS.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                    continue
                with suppress(FileNotFoundError):  # another process made room
                    status = entry.stat(follow_symlinks=False)
                    yield Listed(status.st_mtime, status.st_size, entry.path)


def _start(head: bytes, checksum_of_body: int) -> bytes:
    rest = struct.pack(">II", checksum_of_body, len(head))
    return struct.pack(">I", zlib.crc32(rest + head)) + rest
