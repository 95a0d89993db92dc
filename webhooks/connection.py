"""One HTTP/1.1 connection to a receiver, which reads no more of a response than needed.

It uses asyncio's streams and the same parser as the API.
"""

import asyncio
import time

import httptools

BLOCK = 16 * 1024  # bytes
MAX_HEAD = 64 * 1024  # bytes, including interim responses
MAX_BODY = 64 * 1024  # bytes that are read so that the connection can be reused
BODY_S = 1.0
"""Time to read the body once the status is known; after that the connection is closed."""

IDLE_S = 15.0

Origin = tuple[str, str, int]


class InvalidResponse(Exception):
    """The response is not HTTP/1.1, or its headers are too long."""


class Connection:
    """`is_reusable`: the last response was complete, and the connection stays open.

    `checked_at`: when `address` was last found among the addresses of its receiver.
    """

    def __init__(
        self, origin: Origin, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.origin = origin
        self.address = address
        self._reader = reader
        self._writer = writer
        self.checked_at = self._used_at = time.monotonic()
        self.is_reusable = False

    @property
    def is_fresh(self) -> bool:
        is_open = not self._reader.at_eof() and not self._writer.is_closing()
        return is_open and time.monotonic() - self._used_at < IDLE_S

    async def send(self, request: bytes) -> "Response":
        """Raises OSError, a `ConnectionError` if no status was received, and `InvalidResponse`."""
        self.is_reusable = False
        self._writer.write(request)
        await self._writer.drain()
        response, size = Response(), 0
        while not response.status:
            data = await self._reader.read(BLOCK)
            if not data:
                raise ConnectionAbortedError
            size += len(data)
            if size > MAX_HEAD:
                raise InvalidResponse("its headers are too long")
            response.feed(data)
        self.is_reusable = await self._read_body(response)
        self._used_at = time.monotonic()
        return response

    async def _read_body(self, response: "Response") -> bool:
        """Read and discard a short body; returns whether the connection can be reused."""
        size = 0
        try:
            async with asyncio.timeout(BODY_S):
                while response.keeps_alive and not response.is_complete and size <= MAX_BODY:
                    data = await self._reader.read(BLOCK)
                    if not data:
                        return False
                    size += len(data)
                    response.feed(data)
        except (TimeoutError, OSError, InvalidResponse):
            return False
        return response.keeps_alive and response.is_complete

    def close(self) -> None:
        self._writer.transport.abort()


class Response:
    """What has been received of a response; httptools calls the methods `on_...`.

    `status`: 0 before it is known. `retry_after`: the text of the header.
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.retry_after = ""
        self.keeps_alive = False
        self.is_complete = False

    def feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.status:
                raise InvalidResponse(str(error)) from error
            self.keeps_alive = False

    def on_message_begin(self) -> None:
        if self.is_complete:
            self.keeps_alive = False  # a second response without a request

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status and name.lower() == b"retry-after":
            self.retry_after = value[:64].decode("latin-1").strip()

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if not self.status and status >= 200:  # not an interim response
            self.status = status
            self.keeps_alive = self._parser.should_keep_alive()

    def on_message_complete(self) -> None:
        self.is_complete = self.status != 0
