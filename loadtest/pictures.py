"""The test pictures: the samples in several sizes and formats, served on loopback."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from PIL import Image, ImageChops

from jobs.pictures.inputs import sample_bytes

Kind = tuple[int, tuple[int, int], str]
"""How many, their size in pixels, their format."""

BASES: Sequence[Kind] = (  # together more than a worker's cache of decoded inputs holds
    (12, (600, 400), "JPEG"),
    (4, (600, 400), "PNG"),
    (4, (600, 400), "WEBP"),
    (8, (1200, 800), "JPEG"),
    (2, (1200, 800), "PNG"),
    (2, (1200, 800), "WEBP"),
    (4, (2400, 1600), "JPEG"),
)
OVERLAYS: Sequence[Kind] = ((1, (480, 480), "PNG"), (1, (240, 240), "PNG"), (1, (640, 640), "WEBP"))
SAVED_WITH: Mapping[str, Any] = {
    "JPEG": {"quality": 87},
    "PNG": {"compress_level": 3},
    "WEBP": {"quality": 80, "method": 1},
}
SHIFT = 7  # pixels; no two bases are the same


@cache
def bases() -> dict[str, bytes]:
    return dict(_made("base", "cup.jpg", BASES))


@cache
def overlays() -> dict[str, bytes]:
    return dict(_made("overlay", "logo.png", OVERLAYS))


def _made(role: str, sample: str, kinds: Sequence[Kind]) -> Iterator[tuple[str, bytes]]:
    with Image.open(BytesIO(sample_bytes(sample) or b"")) as original:
        original.load()
    for count, size, image_format in kinds:
        resized = original.resize(size, Image.Resampling.BICUBIC)
        for number in range(count):
            out = BytesIO()
            ImageChops.offset(resized, SHIFT * number).save(out, image_format, **SAVED_WITH[image_format])
            yield f"{role}-{size[0]}-{number}.{image_format.lower()}", out.getvalue()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        name = self.path.removeprefix("/")
        picture = (bases() | overlays()).get(name)
        self.send_response(404 if picture is None else 200)
        self.send_header("Content-Type", f"image/{name.rpartition('.')[2]}")
        self.send_header("Content-Length", str(len(picture or b"")))
        self.end_headers()
        self.wfile.write(picture or b"")

    def log_message(self, *_: object) -> None:
        """A line a picture would hide everything else."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A worker that stops with the test may break off a picture."""


@contextmanager
def serving(host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """The URL under which the pictures are served, by name. Raises OSError with what to do."""
    try:
        server = _Server((host, port), _Handler)
    except OSError as error:
        raise OSError(
            f"cannot serve pictures at {host}:{port} ({error.strerror}): name an address here"
        ) from None
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{host}:{server.server_address[1]}"
        finally:
            server.shutdown()
