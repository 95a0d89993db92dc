"""A web server on loopback that serves good and bad pictures and receives events."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.pictures.inputs import sample_bytes
from tests.in_thread import Handler, Server, in_thread

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


class Origin(Server):
    """Serves the paths of `_Handler`; `asked` counts requests by path, `release` ends those that hang."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.asked: list[str] = []
        self.arrived = threading.Condition()
        self.release = threading.Event()

    def await_request(self, path: str, times: int = 1) -> None:
        """Wait until `path` was requested `times` times."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.asked.count(path) >= times, timeout=60)


class _Handler(Handler):
    server: Origin

    def do_GET(self) -> None:
        with self.server.arrived:
            self.server.asked.append(self.path)
            self.server.arrived.notify_all()
        path, _, query = self.path.partition("?")
        match path:
            case file if file in FILES:
                self.answer(*FILES[file])
            case "/public.jpg":
                self.answer(CUP, "image/jpeg", Cache_Control="public, max-age=60")
            case "/tagged.jpg" if self.headers["If-None-Match"] == TAG:
                self.answer(b"", "image/jpeg", 304, ETag=TAG)
            case "/tagged.jpg":
                self.answer(CUP, "image/jpeg", ETag=TAG)
            case "/endless":
                self.answer(b"", "image/jpeg", 302, Location="/endless")
            case "/busy.jpg":
                self.answer(b"", "text/plain", 429, Retry_After=query)
            case "/huge.jpg":
                self.answer_head(10_000_000_000, "image/jpeg")
                self.close_connection = True
            case "/hangs.jpg":
                self.server.release.wait(120)
                self.answer(CUP, "image/jpeg")
            case _:
                self.answer(b"nothing here", "text/plain", 404)

    def do_POST(self) -> None:
        """Receives an event of a webhook."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()


@contextmanager
def serving() -> Iterator[Origin]:
    """A running origin."""
    with in_thread(Origin()) as origin:
        try:
            yield origin
        finally:
            origin.release.set()
