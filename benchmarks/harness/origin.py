"""Where inputs are fetched from: variations of the seed's pictures, or bytes, after any delay.

`/base/N?D` and `/logo/N?D`: the seed's base or overlay with the comment N in its file, after D ms. Same
pixels, other bytes: decoders have the full work, and no cache can know it. `/bytes/N`: N zeros that
may not be stored; `/fresh/N/...`: N zeros that are fresh for an hour.
"""

import asyncio
import multiprocessing
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import cast

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


class _Pictures(asyncio.Protocol):
    """Answers one request after another on a kept connection."""

    base, logo = b"", b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            path, _, delay_ms = head.split(b" ", 2)[1].partition(b"?")
            _, kind, number, *_ = path.split(b"/")
            if int(delay_ms or 0):
                asyncio.get_running_loop().call_later(int(delay_ms) / 1000, self._answer, kind, int(number))
            else:
                self._answer(kind, int(number))

    def _answer(self, kind: bytes, number: int) -> None:
        freshness = b""
        if kind == b"base":
            pieces = jpeg_with_comment(self.base, number)
        elif kind == b"logo":
            pieces = png_with_comment(self.logo, number)
        else:
            pieces = [bytes(number)]
            freshness = b"Cache-Control: %b\r\n" % (b"max-age=3600" if kind == b"fresh" else b"no-store")
        head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n%bContent-Length: %d\r\n\r\n"
        self._transport.writelines([head % (freshness, sum(map(len, pieces))), *pieces])


def _serve(ready: Connection) -> None:
    _Pictures.base, _Pictures.logo = seed.base_jpeg(), seed.overlay_png()

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Pictures, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


@contextmanager
def inputs() -> Iterator[str]:
    """URL of a process that serves them."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()
