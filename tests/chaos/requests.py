"""What is asked of the service, and what must come of it."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from random import Random
from uuid import UUID

from PIL import Image

from compositor import SuperimposeParams, superimpose
from jobs.pictures.inputs import sample_bytes
from tests.chaos.origin import tiny_png

BROKEN = base64.b64encode(b"not a picture").decode()


@dataclass(frozen=True)
class Asked:
    """One logical request; all its submits carry `idempotency_key`."""

    kind: str
    idempotency_key: str
    pictures: dict[str, str]
    params: dict[str, object]
    files: tuple[bytes, bytes] = field(repr=False)
    """Base and overlay as the worker gets them; empty where the caller is at fault."""
    cancel_after_s: float | None = None

    @property
    def body(self) -> dict[str, object]:
        """What is submitted."""
        return self.pictures | self.params

    def is_answered_by(self, picture: bytes) -> bool:
        """Whether these are the pixels that the compositor makes in this process."""
        made = superimpose(*self.files, SuperimposeParams.model_validate(self.params))
        return _pixels(picture) == _pixels(made.data)


def _pixels(picture: bytes) -> tuple[str, tuple[int, int], bytes]:
    with Image.open(BytesIO(picture)) as image:
        return image.mode, image.size, image.tobytes()


class Asking:
    """Makes requests of every kind in steady proportions."""

    def __init__(self, rng: Random, service_url: str, origin_url: str) -> None:
        self._rng = rng
        self._service_url = service_url
        self._origin_url = origin_url
        self._number = 0

    def next(self) -> Asked:
        """One more request."""
        weights: dict[Callable[[], Asked], int] = {
            self._inline: 50,
            self._samples: 14,
            self._fetched: 30,
            self._cancelled: 3,
            self._broken: 3,
        }
        (kind,) = self._rng.choices([*weights], [*weights.values()])
        return kind()

    def _inline(self) -> Asked:
        base, overlay = tiny_png(self._count()), tiny_png(self._count())
        return self._asked("inline", _inline(base), _inline(overlay), (base, overlay))

    def _samples(self) -> Asked:
        files = sample_bytes("cup.jpg") or b"", sample_bytes("logo.png") or b""
        urls = [f"{self._service_url}/samples/{name}" for name in ("cup.jpg", "logo.png")]
        return self._asked("samples", urls[0], urls[1], files, rescale_factor=0.33)

    def _fetched(self) -> Asked:
        (manner,) = self._rng.choices(["prompt", "late", "broken"], [16, 8, 6])
        base, overlay = self._count(), tiny_png(self._count())
        url = f"{self._origin_url}/{manner}/{base}"
        return self._asked(manner, url, _inline(overlay), (tiny_png(base), overlay))

    def _cancelled(self) -> Asked:
        base, overlay = self._count(), tiny_png(self._count())
        url, after_s = f"{self._origin_url}/late/{base}", self._rng.uniform(0, 1.5)
        files = tiny_png(base), overlay
        return self._asked("cancelled", url, _inline(overlay), files, cancel_after_s=after_s)

    def _broken(self) -> Asked:
        return self._asked("broken picture", _inline(tiny_png(self._count())), BROKEN, (b"", b""))

    def _asked(
        self,
        kind: str,
        base: str,
        overlay: str,
        files: tuple[bytes, bytes],
        cancel_after_s: float | None = None,
        **params: object,
    ) -> Asked:
        key = str(UUID(int=self._rng.getrandbits(128), version=4))
        params |= {
            "x_offset": self._rng.randrange(20),
            "y_offset": self._rng.randrange(12),
            "image_format": self._rng.choice(["jpeg", "png", "webp"]),
        }
        pictures = {"base_image": base, "overlay_image": overlay}
        return Asked(kind, key, pictures, params, files, cancel_after_s)

    def _count(self) -> int:
        self._number += 1
        return self._number


def _inline(picture: bytes) -> str:
    return base64.b64encode(picture).decode()
