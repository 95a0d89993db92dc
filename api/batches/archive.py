"""The pictures of a batch as a ZIP file, made as it is sent: no more than some of a picture is in memory."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from api.batches.names import FileNames
from jobs.lifecycle.output import Output
from jobs.pictures.store import PictureGone, PictureStore

CHUNK = 1024 * 1024  # bytes read and sent at a time
AT_A_TIME = 8  # pictures that are begun together
MISSING = "missing.txt"
GONE = "its picture is not there any more"


@dataclass(frozen=True)
class Entry:
    """A request of the batch by its caller's name for it: its picture, or why there is none."""

    name: str
    output: Output | None
    reason: str


@dataclass
class _Pieces:
    """A file that cannot be read again, for `ZipFile` to write into."""

    _pieces: list[bytes] = field(default_factory=list)

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None: ...

    def take(self) -> bytes:
        written = b"".join(self._pieces)
        self._pieces.clear()
        return written


async def zip_pictures(
    store: PictureStore, pages: AsyncIterator[Sequence[Entry]], made_at: float
) -> AsyncIterator[bytes]:
    """The pieces of the file; pictures are not compressed again, and those that are not there are listed."""
    pieces, names, missing = _Pieces(), FileNames(MISSING), list[str]()
    date = time.gmtime(made_at)[:6]
    with ZipFile(pieces, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]
        async for page in pages:
            for entry, beginning in await _begun(store, page):
                if entry.output is None or beginning is None:
                    missing.append(f"{entry.name}: {GONE if entry.output else entry.reason}\n")
                    continue
                info = ZipInfo(names.of(entry.name, f".{entry.output.file_name.rpartition('.')[2]}"), date)
                info.file_size = entry.output.file_size
                with archive.open(info, "w") as file:
                    file.write(beginning)
                    for start in range(CHUNK, info.file_size, CHUNK):
                        yield pieces.take()
                        end = min(start + CHUNK, info.file_size)
                        file.write(await store.get_range(entry.output.path, start, end))
                yield pieces.take()
        if missing:
            archive.writestr(ZipInfo(MISSING, date), "".join(missing))
    yield pieces.take()


async def _begun(store: PictureStore, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes | None]]:
    """Each with the first chunk of its picture, read together: a bucket takes its time to answer."""

    async def first_chunk(output: Output | None) -> bytes | None:
        with contextlib.suppress(PictureGone):
            if output is not None:
                return await store.get_range(output.path, 0, min(CHUNK, output.file_size))
        return None

    return zip(entries, await asyncio.gather(*(first_chunk(each.output) for each in entries)), strict=True)
