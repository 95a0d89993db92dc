"""Where inputs are fetched from: as many variations of the seed's pictures as are asked for, and any delay.

`/base/N?D` and `/logo/N?D`: the seed's base or overlay with the comment N in its file, after D ms. Same
pixels, other bytes: decoders have the full work, and no cache can know it.
"""

import asyncio
import multiprocessing
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import uvloop

from benchmarks import seed

PNG_HEAD = 8 + 25  # signature and IHDR


def jpeg_with_comment(jpeg: bytes, number: int) -> list[bytes]:
    """Pieces of a file with a COM segment after SOI (ITU T.81, B.2.4.5)."""
    text = b"%012d" % number
    return [jpeg[:2], b"\xff\xfe", struct.pack(">H", 2 + len(text)), text, jpeg[2:]]


def png_with_comment(png: bytes, number: int) -> list[bytes]:
    """Pieces of a file with a tEXt chunk after IHDR (PNG 3, 11.3.3)."""
    chunk = b"tEXtComment\0%012d" % number
    length, check = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
    return [png[:PNG_HEAD], length, chunk, check, png[PNG_HEAD:]]


class Pictures(asyncio.Protocol):
    """Answers one request after another on a kept connection."""

    def __init__(self, files: dict[bytes, tuple[bytes, Callable[[bytes, int], list[bytes]]]]) -> None:
        self._files = files
        self._asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        while b"\r\n\r\n" in self._asked:
            head, _, self._asked = self._asked.partition(b"\r\n\r\n")
            path, _, delay_ms = head.split(b" ", 2)[1].partition(b"?")
            _, which, number = path.split(b"/")
            if int(delay_ms):
                asyncio.get_running_loop().call_later(int(delay_ms) / 1000, self._answer, which, int(number))
            else:
                self._answer(which, int(number))

    def _answer(self, which: bytes, number: int) -> None:
        file, with_comment = self._files[which]
        pieces = with_comment(file, number)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
        self._transport.writelines([head % sum(map(len, pieces)), *pieces])


def serve(ready: Connection) -> None:
    """Serve until killed."""
    files = {
        b"base": (seed.base_jpeg(), jpeg_with_comment),
        b"logo": (seed.overlay_png(), png_with_comment),
    }

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Pictures(files), "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


@contextmanager
def inputs() -> Iterator[str]:
    """URL of a process that serves them."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()
