"""Servers of the standard library on loopback, in a thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import TypeVar

S = TypeVar("S", bound=BaseServer)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Ignores clients that disconnect, which some tests cause."""


class Handler(BaseHTTPRequestHandler):
    """Does not log, as assertions report failures."""

    protocol_version = "HTTP/1.1"

    def answer(
        self, body: bytes = b"", content_type: str | None = None, status: int = 200, **headers: str
    ) -> None:
        """Respond; `_` in a header's name stands for `-`."""
        self.answer_head(len(body), content_type, status, **headers)
        self.wfile.write(body)

    def answer_head(
        self, length: int, content_type: str | None = None, status: int = 200, **headers: str
    ) -> None:
        self.send_response(status)
        given = {"Content-Length": str(length), **({"Content-Type": content_type} if content_type else {})}
        for name, value in {**given, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def in_thread(server: S) -> Iterator[S]:
    """Serves until the block ends."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
