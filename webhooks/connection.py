"""One HTTP/1.1 connection to a receiver: of an answer it reads no more than the status needs.

Over asyncio's streams and the parser that the API uses.
"""

import asyncio
import time
from typing import NamedTuple

import httptools

BLOCK = 16 * 1024  # bytes
LONGEST_HEAD = 64 * 1024  # bytes, interim answers included
LONGEST_BODY = 64 * 1024  # bytes that are read so that the connection can be kept
BODY_S = 1.0
"""For the rest of a body once the status is known; the connection of one that takes longer is closed."""

IDLE_S = 15.0

Origin = tuple[str, str, int]


class BrokenOff(OSError):
    """The connection ended before an answer had begun."""


class NoHttp(Exception):
    """What came is no answer in HTTP/1.1, or its headers have no end."""


class Answer(NamedTuple):
    status: int
    retry_after: str
    """As the header says it; "" without one."""


class Connection:
    """`can_be_kept`: the last answer was whole, and the receiver waits for another request.

    `judged_at`: when its `address` was last found among those of its receiver.
    """

    def __init__(
        self, origin: Origin, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.origin = origin
        self.address = address
        self._reader = reader
        self._writer = writer
        self.judged_at = self._used_at = time.monotonic()
        self.can_be_kept = False

    @property
    def is_fresh(self) -> bool:
        """Whether another request may go over it."""
        is_open = not self._reader.at_eof() and not self._writer.is_closing()
        return is_open and time.monotonic() - self._used_at < IDLE_S

    async def ask(self, request: bytes) -> Answer:
        """Raises `BrokenOff` and other OSErrors, `NoHttp`."""
        self.can_be_kept = False
        self._writer.write(request)
        await self._writer.drain()
        reading, read = _Reading(), 0
        while not reading.status:
            data = await self._reader.read(BLOCK)
            if not data:
                raise BrokenOff
            read += len(data)
            if read > LONGEST_HEAD:
                raise NoHttp("its headers are too long")
            reading.feed(data)
        self.can_be_kept = await self._ends_soon(reading)
        self._used_at = time.monotonic()
        return Answer(reading.status, reading.retry_after)

    async def _ends_soon(self, reading: "_Reading") -> bool:
        """Whether the answer has come to its end, and another may follow it."""
        if not reading.is_kept_alive or reading.is_whole:
            return reading.is_kept_alive
        read = 0
        try:
            async with asyncio.timeout(BODY_S):
                while reading.is_kept_alive and not reading.is_whole and read <= LONGEST_BODY:
                    data = await self._reader.read(BLOCK)
                    if not data:
                        return False
                    read += len(data)
                    reading.feed(data)
        except (TimeoutError, OSError, NoHttp):
            return False
        return reading.is_kept_alive and reading.is_whole

    def close(self) -> None:
        """At once, whatever is still to come."""
        self._writer.transport.abort()


class _Reading:
    """What of an answer has been read; httptools calls the methods `on_...`."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.retry_after = ""
        self.is_kept_alive = False
        self.is_whole = False

    def feed(self, data: bytes) -> None:
        """Raises `NoHttp`."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.status:
                raise NoHttp(str(error)) from error
            self.is_kept_alive = False

    def on_message_begin(self) -> None:
        if self.is_whole:
            self.is_kept_alive = False  # nobody has asked for a second answer

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status and name.lower() == b"retry-after":
            self.retry_after = value[:64].decode("latin-1").strip()

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if not self.status and status >= 200:  # before it there may be interim answers
            self.status = status
            self.is_kept_alive = self._parser.should_keep_alive()

    def on_message_complete(self) -> None:
        self.is_whole = self.status != 0
