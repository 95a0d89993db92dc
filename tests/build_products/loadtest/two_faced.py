"""A service that accepts some requests, refuses the others, and refers to another host wherever it can."""

import json
from collections import Counter
from typing import Any

from tests.in_thread import Handler, Server

CODES = {"queue_full": "the queue is full: at most 3 requests may wait; try again in 3600 s"}


class TwoFaced(Server):
    """Accepts `well` submits, then redirects one and refuses the others; `asked` counts calls by path."""

    def __init__(self, elsewhere: str, well: int) -> None:
        super().__init__(_Handler)
        self.elsewhere = elsewhere
        self.well = well
        self.asked: Counter[str] = Counter()

    @property
    def submits(self) -> int:
        """The number of submits for all models."""
        return sum(count for path, count in self.asked.items() if path.startswith("/v2/superimpose"))


class _Handler(Handler):
    server: TwoFaced

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
            self._answer({"code": code, "error": error}, 429, Retry_After="3600")

    def do_GET(self) -> None:
        there = self.server.elsewhere
        self.server.asked[self.path] += 1
        image = {"url": f"{there}/picture", "file_name": f"@{there.removeprefix('http://')}/picture.jpeg"}
        metrics = {"queue_time": 0.1, "inference_time": 0.2, "total_time": 0.3}
        self._answer(
            {"status": "COMPLETED", "output": image["url"], "images": [image], "metrics": metrics},
            Content_Location=f"{there}/elsewhere",
            Link=f"<{there}/next>; rel=next",
        )

    def _answer(self, body: dict[str, Any], status: int = 200, **headers: str) -> None:
        self.answer(json.dumps(body).encode(), status=status, **headers)
