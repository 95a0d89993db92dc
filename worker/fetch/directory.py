"""A directory of files with a size limit, which evicts the least recently used ones.

Processes and threads share it without a lock: a file is written under a temporary name and then renamed, and
a reader treats a missing or damaged file as a miss. The total size is not stored but summed up by a scan.

Why not a library: hishel's `SqliteStorage` takes 2.8 ms of processor time to write 0.5 MB and 1.3 ms to read
it (here 0.6 and 0.35 ms), its single file exceeds the RLIMIT_FSIZE of the decoding process, and its pages
have no checksum. diskcache unpickles what another process wrote; CacheControl does not limit the size.
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

from worker.fetch.response import Reserve, unbounded

logger = logging.getLogger("superimpose.fetch")

MAX_FILE_SHARE = 8  # the largest file has 1/8 of `max_bytes`
FREE_SHARE = 8  # a scan frees 1/8 of `max_bytes`, for the writes until the next scan
SCANS = 64  # per `max_bytes` written: a scan of 13,000 files takes 100 ms
UNUSED_S = 86_400  # until a file is deleted, even if there is space
TOUCH_S = 1  # the accuracy of the time of last use
USUAL_HEAD = 1024  # bytes read before the length of the head is known

_OURS = re.compile(r"[0-9a-f]{64}|\.[0-9a-f]{32}", re.ASCII)
"""An entry, or a temporary file. Other files are neither counted nor deleted."""

_START = struct.Struct(">III")
"""Of a file: the CRC-32 of the next two numbers and the head, the CRC-32 of the body, the length of the head.
Head and body follow."""


@dataclass(frozen=True)
class Entry:
    """An open file: its head, and the offset, size and checksum of its body."""

    head: bytes
    _descriptor: int
    _start: int
    _size: int
    _checksum: int

    def body(self, reserve: Reserve = unbounded) -> bytes | None:
        """None if it is damaged or cannot be read. Raises the errors of `reserve`."""
        reserve(self._size)
        try:
            body = os.pread(self._descriptor, self._size, self._start)
        except OSError:
            return None
        return body if zlib.crc32(body) == self._checksum else None


class BoundedDirectory:
    """Files of a short head and a long body, named by a SHA-256 in hex, in total about `max_bytes`.

    The first write creates the directory, accessible to our user only.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._has_warned = False

    @contextmanager
    def opened(self, name: str) -> Iterator[Entry | None]:
        """The entry with this name, open inside the block; None if it is missing or its head is damaged."""
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
            prefix = os.pread(descriptor, USUAL_HEAD, 0)
            _, checksum, length = _START.unpack_from(prefix)
            end = _START.size + length
            if not end <= status.st_size <= _START.size + self._largest:
                return None
            head = (prefix if end <= len(prefix) else os.pread(descriptor, end, 0))[_START.size : end]
        except (OSError, struct.error):
            return None
        if prefix[: _START.size] != _start(head, checksum):
            return None
        if abs(time.time() - status.st_mtime) > TOUCH_S:
            with suppress(OSError):  # the disk may be read-only
                os.utime(descriptor)
        return Entry(head, descriptor, end, status.st_size - end, checksum)

    def write(self, name: str, head: bytes, body: bytes) -> None:
        """Write a file, unless it is too large. Raises nothing; only the first failure is logged."""
        size = len(head) + len(body)
        if size > self._largest:
            return
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if random.random() * self._max_bytes < size * SCANS:  # noqa: S311 - not a secret
                self._evict(size)
            self._put(name, _start(head, zlib.crc32(body)), head, body)
        except OSError as error:
            if not self._has_warned:
                logger.warning("fetched inputs cannot be cached: %s", error)
            self._has_warned = True

    def replace_head(self, name: str, old: bytes, new: bytes) -> bool:
        """Overwrite the head `old` by `new`; False if the file has another head or the lengths differ."""
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
        return self._max_bytes // MAX_FILE_SHARE

    def _put(self, name: str, *parts: bytes) -> None:
        temporary = self._path / f".{secrets.token_hex(16)}"
        try:
            with temporary.open("xb") as file:
                file.writelines(parts)
            temporary.replace(self._path / name)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _evict(self, size: int) -> None:
        files = sorted(self._files())
        used = sum(file_size for _, file_size, _ in files)
        excess = used + size - self._max_bytes * (FREE_SHARE - 1) // FREE_SHARE
        unused_since = time.time() - UNUSED_S
        for used_at, file_size, path in files:
            if excess <= 0 and used_at > unused_since:
                return
            Path(path).unlink(missing_ok=True)
            excess -= file_size

    def _files(self) -> Iterator[tuple[float, int, str]]:
        """The time of last use, size and path of each file."""
        with os.scandir(self._path) as entries:
            for entry in entries:
                if not _OURS.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                    continue
                with suppress(FileNotFoundError):  # another process evicted it
                    status = entry.stat(follow_symlinks=False)
                    yield status.st_mtime, status.st_size, entry.path


def _start(head: bytes, body_checksum: int) -> bytes:
    rest = struct.pack(">II", body_checksum, len(head))
    return struct.pack(">I", zlib.crc32(rest + head)) + rest
