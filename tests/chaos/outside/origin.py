"""The origin of pictures: some come late, some break off at the first request."""

import random
import time
from io import BytesIO

from PIL import Image

from tests.in_thread import Handler, Server

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


class Origin(Server):
    """Serves `/prompt/N` at once, `/late/N` after a second, `/broken/N` at the second request."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.requested: set[str] = set()


class _Handler(Handler):
    server: Origin
    protocol_version = "HTTP/1.0"  # closes the connection after what was sent

    def do_GET(self) -> None:
        manner, number = self.path.strip("/").split("/")
        first = self.path not in self.server.requested
        self.server.requested.add(self.path)
        if manner == "late":
            time.sleep(LATE_S)
        picture = tiny_png(int(number))
        self.answer_head(len(picture), "image/png")
        self.wfile.write(picture[:-100] if manner == "broken" and first else picture)
