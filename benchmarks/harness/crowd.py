"""Thousands of calls that wait at once, each on a connection of its own, as cheaply as can be."""

import asyncio
import random
import re
import resource
import time
from collections.abc import Iterable
from typing import cast

CONNECTING = 200  # at a time, as connections to accept wait in a backlog
ENDED = re.compile(rb'"status":"(COMPLETED|FAILED)"')
FILES_BESIDE = 256


class Call(asyncio.Protocol):
    """Asks again until its request has ended: `ended` is when that was read, in seconds since the epoch.

    It asks at once, or each `poll_s`, beginning at any time of the first.
    """

    def __init__(self, path: str, key: str, poll_s: float) -> None:
        self._message = f"GET {path} HTTP/1.1\r\nhost: here\r\nx-api-key: {key}\r\n\r\n".encode()
        self._poll_s = poll_s
        self.ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask_after(random.uniform(0, self._poll_s))

    def _ask_after(self, pause_s: float) -> None:
        self._received = b""
        asyncio.get_running_loop().call_later(pause_s, self._ask)

    def _ask(self) -> None:
        if not self._transport.is_closing():  # it may have hung up meanwhile
            self._transport.write(self._message)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self.ended.done():
            return
        if ENDED.search(self._received):
            self.ended.set_result(time.time())
        elif self._received.endswith(b"}"):
            self._ask_after(self._poll_s)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError(f"cut off after {self._received!r}: {exc}"))

    def hang_up(self) -> None:
        self.ended.cancel()
        self._transport.abort()


async def waiting(port: int, paths: Iterable[str], key: str, poll_s: float = 0) -> list[Call]:
    """A call of each path, all of them connected."""
    free, loop = asyncio.Semaphore(CONNECTING), asyncio.get_running_loop()

    async def call(path: str) -> Call:
        async with free:
            _, call = await loop.create_connection(lambda: Call(path, key, poll_s), "127.0.0.1", port)
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
