"""Where events are sent: an HTTP server that costs next to nothing, in a process of its own."""

import asyncio
import json
import multiprocessing
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import cast

import uvloop

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
PATIENCE_S = 120


class Receiver:
    """`url` is where it listens."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/webhooks/superimpose"
        self._connection = HTTPConnection("127.0.0.1", port)

    def await_calls(self, count: int, pause_s: float = 0.05) -> list[float]:
        """When so many calls came since the last time, in seconds since the epoch."""
        deadline, arrived = time.monotonic() + PATIENCE_S, self.calls()
        while len(arrived) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(arrived)} of {count} calls came within {PATIENCE_S} s")
            time.sleep(pause_s)
            arrived += self.calls()
        return arrived

    def calls(self) -> list[float]:
        """When those came that came since the last time."""
        self._connection.request("GET", "/")
        return list(json.load(self._connection.getresponse()))


class _Calls(asyncio.Protocol):
    def __init__(self, arrived: list[float]) -> None:
        self._arrived = arrived
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while head := self._received.partition(b"\r\n\r\n")[0]:
            length = LENGTH.search(head)
            end = len(head) + 4 + (int(length[1]) if length else 0)
            if len(self._received) < end:
                return
            self._received = self._received[end:]
            self._answer(is_event=head.startswith(b"POST"))

    def _answer(self, *, is_event: bool) -> None:
        if is_event:
            self._arrived.append(time.time())
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        else:
            body = json.dumps(self._arrived).encode()
            self._arrived.clear()
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


def _receive(listening: socket.socket) -> None:
    async def run() -> None:
        arrived: list[float] = []
        server = await asyncio.get_running_loop().create_server(lambda: _Calls(arrived), sock=listening)
        await server.serve_forever()

    uvloop.run(run())


@contextmanager
def receiving() -> Iterator[Receiver]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = multiprocessing.get_context("spawn").Process(
            target=_receive, args=(listening,), daemon=True
        )
        process.start()
        try:
            yield Receiver(listening.getsockname()[1])
        finally:
            process.terminate()
            process.join()
