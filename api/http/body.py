"""Request bodies, bounded in memory."""

import asyncio
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from api.errors import body_too_large, too_many_bodies, unsupported_encoding
from api.http.validation import bad_request, fault, shown

WAIT_S = 10
SMALL = 64 * 1024  # bytes; smaller bodies are not counted, as the number of connections bounds them

BODIES = 16
"""Bodies of the largest size that fit into memory at once; each takes about three times its size."""

BODIES_OF_A_KEY = 4


class BodyMemory:
    """A budget of memory for bodies of at most `max_body_bytes`, shared by all keys."""

    def __init__(self, max_body_bytes: int) -> None:
        self.max_body_bytes = max_body_bytes
        self._limit = BODIES * max_body_bytes
        self._limit_per_key = BODIES_OF_A_KEY * max_body_bytes
        self._used: Counter[str] = Counter()
        self._released = asyncio.Condition()

    @asynccontextmanager
    async def reserve(self, key_id: str, size: int) -> AsyncIterator[None]:
        """Reserve `size` bytes, as soon as they are free. Raises 429 after `WAIT_S`."""
        if size <= SMALL:
            yield
            return
        await self._wait(key_id, size)
        self._used[key_id] += size
        try:
            yield
        finally:
            await self._release(key_id, size)

    async def _wait(self, key_id: str, size: int) -> None:
        try:
            async with asyncio.timeout(WAIT_S), self._released:
                await self._released.wait_for(lambda: self._fits(key_id, size))
        except TimeoutError:
            raise too_many_bodies() from None

    def _fits(self, key_id: str, size: int) -> bool:
        fits_key = self._used[key_id] + size <= self._limit_per_key
        return fits_key and self._used.total() + size <= self._limit

    async def _release(self, key_id: str, size: int) -> None:
        self._used[key_id] -= size
        if not self._used[key_id]:
            del self._used[key_id]
        async with self._released:
            self._released.notify_all()


async def read_json(request: Request, max_bytes: int) -> bytes:
    """The body of a JSON request, without a byte order mark. Raises 400, 413, 415."""
    if media_type(request) != "application/json":
        raise bad_request(fault("body", "send JSON with the header Content-Type: application/json"))
    return (await read_body(request, max_bytes)).removeprefix(BOM_UTF8)


def media_type(request: Request) -> str:
    """The Content-Type without parameters, in lower case; "" if missing."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@asynccontextmanager
async def reserve_memory(
    request: Request, memory: BodyMemory, key_id: str, max_bytes: int | None = None
) -> AsyncIterator[None]:
    """Reserve memory for the body, which no copy may outlive this context. Raises 413, 429.

    `max_bytes`: the limit of a streamed body, of which at most `max_body_bytes` are in memory at once.
    """
    limit = memory.max_body_bytes if max_bytes is None else max_bytes
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isdecimal() else limit
    if size > limit:
        raise body_too_large(limit)
    async with memory.reserve(key_id, min(size, memory.max_body_bytes)):
        yield


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body. Raises 413 once it exceeds `max_bytes`, 415 for a Content-Encoding."""
    body = bytearray()
    async for chunk in stream_body(request, max_bytes):
        body += chunk
    return bytes(body)


async def stream_body(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """The chunks of the body as they arrive. Raises as `read_body` does."""
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise unsupported_encoding(shown(coding))
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise body_too_large(max_bytes)
        yield chunk
