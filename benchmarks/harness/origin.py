"""Where inputs are fetched from: an HTTP server that costs next to nothing, in a process of its own."""

import asyncio
import multiprocessing
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from mimetypes import guess_type
from typing import cast

import uvloop

Find = Callable[[str], Sequence[bytes]]
"""The pieces of the file of a name; none if there is none."""

REQUEST = re.compile(rb"GET /([\w.-]+)(?:\?(\d+))? ")


class _Files(asyncio.Protocol):
    """Answers one request after another on a kept connection, `/NAME?D` after D ms; its ETag is its name."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            asked = REQUEST.match(head)
            name, delay_ms = (asked[1].decode(), int(asked[2] or 0)) if asked else ("", 0)
            is_known = f'"{name}"'.encode() in head
            asyncio.get_running_loop().call_later(delay_ms / 1000, self._answer, name, is_known)

    def _answer(self, name: str, is_known: bool) -> None:
        if self._transport.is_closing():
            return
        pieces = [] if is_known else self._find(name)
        status = "304 Not Modified" if is_known else "200 OK" if pieces else "404 Not Found"
        length = "" if is_known else f"Content-Length: {sum(map(len, pieces))}\r\n"
        head = f'HTTP/1.1 {status}\r\nContent-Type: {guess_type(name)[0]}\r\n{length}ETag: "{name}"\r\n\r\n'
        self._transport.writelines([head.encode(), *pieces])


def _serve(listening: socket.socket, find: Find) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Files(find), sock=listening)
        await server.serve_forever()

    uvloop.run(run())


@contextmanager
def serving(find: Find, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """URL of the server. `find` is pickled. Raises OSError with what to do."""
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        problem = f"cannot serve pictures at {host}:{port} ({error.strerror}): name an address here"
        raise OSError(problem) from None
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(listening, find), daemon=True)
    with listening:
        process.start()
        try:
            yield f"http://{host}:{listening.getsockname()[1]}"
        finally:
            process.terminate()
            process.join()
