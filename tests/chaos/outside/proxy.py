"""A TCP proxy in front of Redis or a receiver that can be slow, silent, deaf or refuse connections."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

CHUNK = 64 * 1024
CLOSE_WITH_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: RST instead of FIN
LOOK_AGAIN_S = 0.01


class Trap(NamedTuple):
    """Waits for a command that contains `word`, then sets a flag of `Proxy`."""

    word: bytes
    flag: str


@dataclass
class Proxy:
    """Listens on `port`; its flags may be changed from any thread at any time."""

    upstream_port: int
    port: int = 0
    latency_s: float = 0
    """Delay of all data, in both directions."""
    holds_commands: bool = False
    """Holds what clients send until the flag is cleared, like packets that are retransmitted."""
    holds_answers: bool = False
    """The same for replies: commands are executed, but the client gets no reply."""
    refuses: bool = False
    """Resets new connections at once."""
    trap: "Trap | None" = None
    """A trap that sets its flag at a command with its word."""
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def reset(self) -> None:
        """Break all connections with RST."""
        self._loop.call_soon_threadsafe(self._reset)

    def _reset(self) -> None:
        for writer in self._writers:
            _abort(writer)

    async def _serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        async with await asyncio.start_server(self._connected, "127.0.0.1", self.port) as server:
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await stop.wait()
        self.holds_commands = self.holds_answers = False
        self._reset()
        if serving := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(serving)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            _abort(writer)
            return
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        except OSError:
            _abort(writer)
            return
        await asyncio.gather(
            self._pump(reader, upstream[1], "holds_commands"),
            self._pump(upstream[0], writer, "holds_answers"),
        )

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flag: str) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.trap and self.trap.word in data:
                    setattr(self, self.trap.flag, True)
                    self.trap = None
                await asyncio.sleep(self.latency_s)
                while getattr(self, flag):
                    await asyncio.sleep(LOOK_AGAIN_S)
                writer.write(data)
                await writer.drain()
        self._writers.discard(writer)
        writer.close()


def _abort(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CLOSE_WITH_RESET)
    writer.transport.abort()


@contextmanager
def proxying(upstream_port: int) -> Iterator[Proxy]:
    """A running proxy in its own thread."""
    proxy, ready, stop = Proxy(upstream_port), threading.Event(), asyncio.Event()
    thread = threading.Thread(target=lambda: proxy._loop.run_until_complete(proxy._serve(ready, stop)))
    thread.start()
    try:
        assert ready.wait(10)
        yield proxy
    finally:
        proxy._loop.call_soon_threadsafe(stop.set)
        thread.join()
        proxy._loop.close()
