"""A service that accepts some requests, refuses the others, and refers to another host wherever it can."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.in_thread import in_thread

CODES = {"queue_full": "the queue is full: at most 3 requests may wait; try again in 3600 s"}


class TwoFaced(ThreadingHTTPServer):
    """Accepts `well` submits, then redirects one and refuses the others; `asked` counts calls by path."""

    daemon_threads = True

    def __init__(self, elsewhere: str, well: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.elsewhere = elsewhere
        self.well = well
        self.asked: Counter[str] = Counter()

    @property
    def submits(self) -> int:
        """The number of submits for all models."""
        return sum(count for path, count in self.asked.items() if path.startswith("/v2/superimpose"))


class _Handler(BaseHTTPRequestHandler):
    server: TwoFaced
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        there = self.server.elsewhere
        self.server.asked[self.path] += 1
        submits = self.server.submits
        if self.path == "/upload-asset":
            self._answer({"file_urls": [f"{there}/pictures/{number}.png" for number in range(20)]})
        elif submits <= self.server.well:
            urls = {f"{name}_url": f"{there}/{name}" for name in ("status", "response", "poll", "cancel")}
            self._answer({"request_id": f"@{there.removeprefix('http://')}/", "status": "QUEUED", **urls})
        elif submits == self.server.well + 1:
            self._answer({}, 302, Location=f"{there}{self.path}")
        else:
            [(code, error)] = CODES.items()
            self._answer({"code": code, "error": error}, 429, **{"Retry-After": "3600"})

    def do_GET(self) -> None:
        there = self.server.elsewhere
        self.server.asked[self.path] += 1
        image = {"url": f"{there}/picture", "file_name": f"@{there.removeprefix('http://')}/picture.jpeg"}
        metrics = {"queue_time": 0.1, "inference_time": 0.2, "total_time": 0.3}
        self._answer(
            {"status": "COMPLETED", "output": image["url"], "images": [image], "metrics": metrics},
            **{"Content-Location": f"{there}/elsewhere", "Link": f"<{there}/next>; rel=next"},
        )

    def _answer(self, body: dict[str, Any], status: int = 200, **headers: str) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing: assertions report failures."""


@contextmanager
def serving(elsewhere: str, well: int) -> Iterator[TwoFaced]:
    """A running service."""
    with in_thread(TwoFaced(elsewhere, well)) as server:
        yield server
