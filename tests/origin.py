"""A web server on loopback that serves good and bad pictures and receives events."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from jobs.pictures.inputs import sample_bytes
from tests.in_thread import in_thread

CUP = sample_bytes("cup.jpg") or b""
LOGO = sample_bytes("logo.png") or b""

TAG = '"cup"'

FILES = {
    "/cup.jpg": (CUP, "image/jpeg"),
    "/logo.png": (LOGO, "image/png"),
    "/page.html": (b"<!doctype html><p>no picture here", "text/html"),
    "/text.png": (b"I am a text file with the name of a picture.\n" * 9, "image/png"),
    "/truncated.jpg": (CUP[: len(CUP) // 2], "image/jpeg"),
}


class Origin(ThreadingHTTPServer):
    """Serves the paths of `_Handler`; `asked` counts requests by path, `release` ends those that hang."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: list[str] = []
        self.arrived = threading.Condition()
        self.release = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Ignores clients that disconnect, which some tests cause."""

    def await_request(self, path: str, times: int = 1) -> None:
        """Wait until `path` was requested `times` times."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.asked.count(path) >= times, timeout=60)


class _Handler(BaseHTTPRequestHandler):
    server: Origin
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with self.server.arrived:
            self.server.asked.append(self.path)
            self.server.arrived.notify_all()
        path, _, query = self.path.partition("?")
        match path:
            case file if file in FILES:
                self._answer(*FILES[file])
            case "/public.jpg":
                self._answer(CUP, "image/jpeg", **{"Cache-Control": "public, max-age=60"})
            case "/tagged.jpg" if self.headers["If-None-Match"] == TAG:
                self._answer(b"", "image/jpeg", 304, ETag=TAG)
            case "/tagged.jpg":
                self._answer(CUP, "image/jpeg", ETag=TAG)
            case "/endless":
                self._answer(b"", "image/jpeg", 302, Location="/endless")
            case "/busy.jpg":
                self._answer(b"", "text/plain", 429, **{"Retry-After": query})
            case "/huge.jpg":
                self._head("image/jpeg", 10_000_000_000)
                self.close_connection = True
            case "/hangs.jpg":
                self.server.release.wait(120)
                self._answer(CUP, "image/jpeg")
            case _:
                self._answer(b"nothing here", "text/plain", 404)

    def do_POST(self) -> None:
        """Receives an event of a webhook."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def _answer(self, body: bytes, content_type: str, status: int = 200, **headers: str) -> None:
        self._head(content_type, len(body), status, **headers)
        self.wfile.write(body)

    def _head(self, content_type: str, length: int, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": content_type,
            "Content-Length": str(length),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: assertions report failures."""


@contextmanager
def serving() -> Iterator[Origin]:
    """A running origin."""
    with in_thread(Origin()) as origin:
        try:
            yield origin
        finally:
            origin.release.set()
