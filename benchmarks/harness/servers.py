"""Cheap HTTP servers in processes of their own: an origin of inputs, and a receiver of events."""

import asyncio
import json
import multiprocessing
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.client import HTTPConnection
from mimetypes import guess_type
from typing import cast

import uvloop

from benchmarks.harness.processes import wait_for

Find = Callable[[str], Sequence[bytes]]
"""Returns the pieces of the file with this name; empty if there is none."""

Respond = Callable[[bytes, asyncio.Transport], None]
"""Responds to the request with this head."""

FILE = re.compile(rb"GET /([\w.-]+)(?:\?(\d+))? ")
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class _Server(asyncio.Protocol):
    """Reads one request after another on a persistent connection."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
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
            self._respond(head, self._transport)


def _respond_with_file(find: Find, head: bytes, transport: asyncio.Transport) -> None:
    """Respond to `/NAME?D` after D ms; the name is the ETag."""
    match = FILE.match(head)
    name, delay_ms = (match[1].decode(), int(match[2] or 0)) if match else ("", 0)
    is_known = f'"{name}"'.encode() in head

    def respond() -> None:
        if transport.is_closing():
            return
        pieces = [] if is_known else find(name)
        status = "304 Not Modified" if is_known else "200 OK" if pieces else "404 Not Found"
        length = "" if is_known else f"Content-Length: {sum(map(len, pieces))}\r\n"
        head = f'HTTP/1.1 {status}\r\nContent-Type: {guess_type(name)[0]}\r\n{length}ETag: "{name}"\r\n\r\n'
        transport.writelines([head.encode(), *pieces])

    asyncio.get_running_loop().call_later(delay_ms / 1000, respond)


def _record_call(arrived: list[float], head: bytes, transport: asyncio.Transport) -> None:
    """Record the arrival time of a POST; return and clear all times at a GET."""
    if head.startswith(b"POST"):
        arrived.append(time.time())
        transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        return
    body = json.dumps(arrived).encode()
    arrived.clear()
    transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


class Receiver:
    """A client of the receiver of events."""

    def __init__(self, origin: str) -> None:
        self.url = f"{origin}/webhooks/superimpose"
        self._connection = HTTPConnection(origin.removeprefix("http://"))

    def await_calls(self, count: int, pause_s: float = 0.05) -> list[float]:
        """Wait for `count` new calls; returns their Unix times."""
        arrived: list[float] = []

        def all_arrived() -> bool:
            arrived.extend(self.calls())
            return len(arrived) >= count

        wait_for(all_arrived, f"{count} calls", pause_s)
        return arrived

    def calls(self) -> list[float]:
        """The Unix times of the calls since the last request for them."""
        self._connection.request("GET", "/")
        return list(json.load(self._connection.getresponse()))


def _serve(listening: socket.socket, respond: Respond) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(partial(_Server, respond), sock=listening)
        await server.serve_forever()

    uvloop.run(run())


@contextmanager
def _listening(respond: Respond, host: str, port: int) -> Iterator[str]:
    """The URL of the server; `respond` must be picklable."""
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        problem = f"cannot serve pictures at {host}:{port} ({error.strerror}): give a local address"
        raise OSError(problem) from None
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_serve, args=(listening, respond), daemon=True)
    with listening:
        process.start()
        try:
            yield f"http://{host}:{listening.getsockname()[1]}"
        finally:
            process.terminate()
            process.join()


def file_server(find: Find, host: str = "127.0.0.1", port: int = 0) -> AbstractContextManager[str]:
    """The URL of a server of files. Raises OSError with a text that says what to do."""
    return _listening(partial(_respond_with_file, find), host, port)


@contextmanager
def event_receiver() -> Iterator[Receiver]:
    with _listening(partial(_record_call, []), "127.0.0.1", 0) as origin:
        yield Receiver(origin)
