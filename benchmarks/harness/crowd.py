"""Thousands of calls that wait at once, each on a connection of its own, as cheaply as can be."""

import asyncio
import re
import resource
import time
from collections.abc import Callable, Iterable
from typing import cast

CONNECTING = 200  # at a time, as connections to accept wait in a backlog
ENDED = re.compile(rb'"status":"(COMPLETED|FAILED)"')
FILES_BESIDE = 256


class Call(asyncio.Protocol):
    """Asks again until its request has ended: `ended` is when that was read, in seconds since the epoch."""

    def __init__(self, path: str, key: str) -> None:
        self._message = f"GET {path} HTTP/1.1\r\nhost: here\r\nx-api-key: {key}\r\n\r\n".encode()
        self._received = b""
        self.ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.ask()

    def ask(self) -> None:
        self._received = b""
        if not self._transport.is_closing():
            self._transport.write(self._message)

    def ask_again(self) -> None:
        """Called when an answer was not the end."""
        self.ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self.ended.done():
            return
        if ENDED.search(self._received):
            self.ended.set_result(time.time())
        elif self._received.endswith(b"}"):
            self.ask_again()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError(f"cut off after {self._received!r}: {exc}"))

    def hang_up(self) -> None:
        self.ended.cancel()
        self._transport.abort()


async def waiting(
    port: int, paths: Iterable[str], key: str, make: Callable[[str, str], Call] = Call
) -> list[Call]:
    """A call of each path, all of them sent."""
    free, loop = asyncio.Semaphore(CONNECTING), asyncio.get_running_loop()

    async def call(path: str) -> Call:
        async with free:
            _, call = await loop.create_connection(lambda: make(path, key), "127.0.0.1", port)
        return call

    return list(await asyncio.gather(*map(call, paths)))


def allow_connections(count: int) -> bool:
    """Raise the limit on open files of this process and those it starts; False where it may not be raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + FILES_BESIDE
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return False
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return True
