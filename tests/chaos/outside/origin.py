"""The origin of pictures: some come late, some break off at the first request."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

from PIL import Image

from tests.in_thread import in_thread

LATE_S = 1


def tiny_png(number: int) -> bytes:
    """A small picture that is different for each number."""
    out = BytesIO()
    _noise(random.Random(number)).save(out, "PNG")
    return out.getvalue()


def tiny_gif(number: int) -> bytes:
    """An animation of three such pictures."""
    rng, out = random.Random(number), BytesIO()
    first, *others = (_noise(rng).convert("RGB") for _ in range(3))
    first.save(out, "GIF", save_all=True, append_images=others, duration=100)
    return out.getvalue()


def _noise(rng: random.Random) -> Image.Image:
    return Image.frombytes("RGBA", (24, 16), rng.randbytes(24 * 16 * 4))


class Origin(ThreadingHTTPServer):
    """Serves `/prompt/N` at once, `/late/N` after a second, `/broken/N` at the second request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.submission: set[str] = set()

    def handle_error(self, *_: object) -> None:
        """Ignores clients that disconnect, as they are killed now and then."""


class _Handler(BaseHTTPRequestHandler):
    server: Origin

    def do_GET(self) -> None:
        manner, number = self.path.strip("/").split("/")
        first = self.path not in self.server.submission
        self.server.submission.add(self.path)
        if manner == "late":
            time.sleep(LATE_S)
        picture = tiny_png(int(number))
        self._answer(picture, picture[:-100] if manner == "broken" and first else picture)

    def _answer(self, promised: bytes, sent: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(promised)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def serving() -> Iterator[Origin]:
    """A running origin."""
    with in_thread(Origin()) as origin:
        yield origin
