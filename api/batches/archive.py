"""The pictures of a batch as a ZIP file, streamed: only a few chunks of pictures are in memory."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from api.batches.names import FileNames
from jobs.lifecycle.output import Output
from jobs.pictures.store import PictureGone

CHUNK = 1024 * 1024  # bytes read and sent at a time
AT_A_TIME = 8  # pictures whose first chunks are read concurrently
ReadRange = Callable[[str, int, int], Awaitable[bytes]]
"""`PictureStore.get_range` in one of its forms: path, start, end (exclusive)."""

MISSING = "missing.txt"
GONE = "its picture no longer exists"


@dataclass(frozen=True)
class Entry:
    """A request of the batch: its `custom_id` or id, and its picture or the reason that it has none."""

    name: str
    output: Output | None
    reason: str


@dataclass
class _Buffer:
    """A write-only file, without `seek` and `tell`, for `ZipFile` to stream into."""

    _chunks: list[bytes] = field(default_factory=list)

    def write(self, data: bytes) -> int:
        self._chunks.append(bytes(data))
        return len(data)

    def flush(self) -> None: ...

    def take(self) -> bytes:
        written = b"".join(self._chunks)
        self._chunks.clear()
        return written


async def zip_pictures(
    read: ReadRange, pages: AsyncIterator[Sequence[Entry]], created_at: float
) -> AsyncIterator[bytes]:
    """The chunks of a ZIP file: pictures uncompressed, and `missing.txt`, which lists missing ones."""
    buffer, names, missing = _Buffer(), FileNames(MISSING), list[str]()
    date = time.gmtime(created_at)[:6]
    with ZipFile(buffer, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]
        async for page in pages:
            for entry, first_chunk in await _read_first_chunks(read, page):
                if entry.output is None or first_chunk is None:
                    missing.append(f"{entry.name}: {GONE if entry.output else entry.reason}\n")
                    continue
                suffix = f".{entry.output.file_name.rpartition('.')[2]}"
                info = ZipInfo(names.unique(entry.name, suffix), date)
                info.file_size = entry.output.file_size
                with archive.open(info, "w") as file:
                    file.write(first_chunk)
                    for start in range(CHUNK, info.file_size, CHUNK):
                        yield buffer.take()
                        end = min(start + CHUNK, info.file_size)
                        file.write(await read(entry.output.path, start, end))
                yield buffer.take()
        if missing:
            archive.writestr(ZipInfo(MISSING, date), "".join(missing))
    yield buffer.take()


async def _read_first_chunks(
    read: ReadRange, entries: Sequence[Entry]
) -> Iterator[tuple[Entry, bytes | None]]:
    """Read concurrently, as a bucket has a high latency; None for a missing picture."""

    async def first_chunk(output: Output | None) -> bytes | None:
        with contextlib.suppress(PictureGone):
            if output is not None:
                return await read(output.path, 0, min(CHUNK, output.file_size))
        return None

    return zip(entries, await asyncio.gather(*(first_chunk(each.output) for each in entries)), strict=True)
