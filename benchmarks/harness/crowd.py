"""Thousands of clients that wait at once, each on its own connection, with little CPU time."""

import asyncio
import random
import re
import resource
import time
from collections.abc import Iterable
from typing import cast

from cli.serve.roles import OTHER_FILES, raise_file_limit

CONNECTING = 200  # connections opened at a time, so that the listen backlog does not overflow
ENDED = re.compile(rb'"status":"(COMPLETED|FAILED)"')


class Call(asyncio.Protocol):
    """Polls until its request is finished; `ended` is the Unix time when the client reads that.

    The first poll is after a random part of `poll_s`, the next ones every `poll_s`.
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
        if not self._transport.is_closing():
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
    """Connect one call for each path."""
    free, loop = asyncio.Semaphore(CONNECTING), asyncio.get_running_loop()

    async def call(path: str) -> Call:
        async with free:
            _, call = await loop.create_connection(lambda: Call(path, key, poll_s), "127.0.0.1", port)
        return call

    return list(await asyncio.gather(*map(call, paths)))


def allow_connections(count: int) -> bool:
    """Raise the limit on open files of this process and its children; False if the hard limit is too low."""
    raise_file_limit(count + OTHER_FILES)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft == resource.RLIM_INFINITY or soft >= count + OTHER_FILES
