"""An API process to talk to over raw sockets, with its log."""

import contextlib
import json
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import warm
from tests.stack import KEY, await_http, environment, free_port

ANSWER = re.compile(rb"HTTP/1\.1 [2-5]")  # begins each final response
DATABASE = 7
PATIENCE_S = 60  # longer than any response takes; ends a test that hangs


@dataclass
class Edge:
    """The address of a process, and its log."""

    port: int
    log_file: Path
    process: "subprocess.Popen[bytes]"

    @property
    def log(self) -> str:
        """The whole log so far."""
        return self.log_file.read_text()

    @property
    def url(self) -> str:
        """The URL of the process."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """A connection from one of this machine's loopback addresses."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE_S, (source, 0))

    def exchange(self, *segments: bytes) -> bytes:
        """Send each segment once the previous one was read; returns all data until the other side closes."""
        with self.connect() as connection:
            with contextlib.suppress(ConnectionError):  # the API may refuse early
                for number, segment in enumerate(segments):
                    if number:
                        self.await_read()
                    connection.sendall(segment)
            return read_to_end(connection)

    def await_read(self) -> None:
        """Wait until the sent data was read: one event loop reads all, and this call comes later."""
        with self.connect() as connection:
            connection.sendall(head("/livez", connection="close"))
            read_to_end(connection)


def read_to_end(connection: socket.socket) -> bytes:
    """All data until the other side closes."""
    received = bytearray()
    while piece := connection.recv(65536):
        received += piece
    return bytes(received)


def answers(received: bytes, *methods: str) -> list[tuple[int, Any]]:
    """Status and JSON of each response, to requests of at most these methods."""
    rest, parsed = received, []
    for method in methods:
        if not rest:
            break
        start, _, rest = rest.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)", start)
        end = 0 if length is None or method == "HEAD" else int(length[1])
        parsed.append((int(start.split()[1]), json.loads(rest[:end] or b"null")))
        rest = rest[end:]
    assert not rest
    return parsed


def head(path: str, method: str = "GET", **headers: object) -> bytes:
    """Request line and headers with our key; `_` in a header's name stands for `-`."""
    given = {"host": "here", "x-api-key": KEY} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


def submit(**headers: object) -> bytes:
    """Request line and headers of a submit."""
    return head("/v2/superimpose", "POST", content_type="application/json", **headers)


def refusal(answer: bytes) -> tuple[int, Mapping[str, Any]]:
    """Status and JSON of a response that follows the protocol and is the last of its connection."""
    start, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in start
    parsed = json.loads(body)
    assert set(parsed) >= {"error", "code"}
    return int(start.split()[1]), parsed


@contextmanager
def serving(
    redis_socket: Path, folder: Path, module: str = "cli", *command: str, **settings: object
) -> Iterator[Edge]:
    """`python -m MODULE COMMAND --port PORT` with these settings."""
    port, log_file = free_port(), folder / "api.log"
    env = environment(f"unix://{redis_socket}?db={DATABASE}", folder, **settings)
    with log_file.open("wb") as log:
        process = warm.start([module, *command, "--port", str(port)], env, log)
        try:
            await_http(f"http://127.0.0.1:{port}/livez", process)
            yield Edge(port, log_file, process)
        finally:
            process.terminate()
            process.wait()
