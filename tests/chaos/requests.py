"""The requests of clients, and their expected pictures."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from uuid import UUID

import compositor
from compositor.models import DEFAULT_MODEL, MODELS
from jobs.pictures.inputs import pictures, sample_bytes
from tests.chaos.outside.origin import tiny_gif, tiny_png
from tests.chaos.outside.receiver import FIRST_ANSWERS

NO_PICTURE = b"not a picture"
WITH_WEBHOOK = 0.7
MEMBER_WITH_WEBHOOK, MEMBER_WITH_NAME = 0.15, 0.8
EVENTS: tuple[Sequence[str] | None, ...] = (None, None, ["completed"], ["failed"])


@dataclass(frozen=True)
class SubmittedRequest:
    """One logical request; all its submits have the same `idempotency_key`."""

    kind: str
    key_id: str
    idempotency_key: str
    body: Mapping[str, Any]
    files: Mapping[str, bytes] = field(repr=False)
    """The input pictures by parameter path, as the worker receives them."""
    model: str = DEFAULT_MODEL
    cancel_after_s: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the submit: custom id and webhook."""

    @property
    def full_body(self) -> dict[str, Any]:
        return {**self.body, **self.options}

    def render(self) -> bytes:
        """The expected picture, rendered in this process."""
        return compositor.render(MODELS[self.model](**self.body).scene(), self.files).data


class RequestGenerator:
    """Creates requests of all kinds in fixed proportions."""

    def __init__(
        self, rng: Random, service_url: str, origin_url: str, receiver_url: str, key_ids: Sequence[str]
    ) -> None:
        self._rng = rng
        self._key_ids = key_ids
        self._key_id = key_ids[0]  # key of the next requests
        self._service_url = service_url
        self._origin_url = origin_url
        self._receiver_url = receiver_url
        self._shared_overlay: str | None = None
        self._number = 0
        self._files: dict[str, bytes] = {}
        """The input pictures by the text that names them in requests."""

    def next(self) -> SubmittedRequest:
        """The next request."""
        weights: dict[Callable[[], SubmittedRequest], int] = {
            self._inline: 30,
            self._samples: 10,
            self._fetched: 24,
            self._scene: 12,
            self._centred: 6,
            self._in_perspective: 4,
            self._displaced: 4,
            self._animated: 4,
            self._cancelled: 3,
            self._broken: 3,
            self._refused: 2,
        }
        (kind,) = self._rng.choices([*weights], [*weights.values()])
        self._key_id = self._rng.choice(self._key_ids)
        return kind()

    def members(self, count: int) -> list[SubmittedRequest]:
        """Requests of one batch: of one key, most with one overlay."""
        weights = {self._inline: 8, self._samples: 4, self._fetched: 8, self._broken: 1}
        kinds = self._rng.choices([*weights], [*weights.values()], k=count)
        self._key_id = self._rng.choice(self._key_ids)
        self._shared_overlay = self._inline_picture()
        members = [self._as_member(kind()) for kind in kinds]
        self._shared_overlay = None
        return members

    def webhook_url(self) -> str:
        """A unique webhook URL, whose receiver may refuse the event at first."""
        answer = self._rng.choice(["well"] * len(FIRST_ANSWERS) + [*FIRST_ANSWERS])
        return f"{self._receiver_url}/{answer}/{self._key_id}/{self._next_number()}"

    def _as_member(self, submission: SubmittedRequest) -> SubmittedRequest:
        webhook = submission.options if self._rng.random() < MEMBER_WITH_WEBHOOK else {}
        name = {"custom_id": f"sku-{self._next_number()}"} if self._rng.random() < MEMBER_WITH_NAME else {}
        return replace(submission, options={**webhook, **name})

    def _inline(self) -> SubmittedRequest:
        return self._request("inline", self._inline_picture(), self._one_overlay())

    def _samples(self) -> SubmittedRequest:
        cup, logo = (
            self._remember(f"{self._service_url}/samples/{name}", sample_bytes(name) or b"")
            for name in ("cup.jpg", "logo.png")
        )
        return self._request("samples", cup, self._one_overlay(logo, rescale_factor=0.33))

    def _fetched(self) -> SubmittedRequest:
        (manner,) = self._rng.choices(["prompt", "late", "broken"], [16, 8, 6])
        return self._request(manner, self._hosted_picture(manner), self._one_overlay())

    def _scene(self) -> SubmittedRequest:
        """A colour under a mask, a design in a region, and the same design as a watermark."""
        design = self._any_picture()
        layers = [
            {
                "color": f"#{self._rng.randrange(16**6):06x}",
                "mask": self._any_picture(),
                "blend_mode": "multiply",
            },
            {"overlay_image": design, "region": [0.2, 0.3, 0.5, 0.6], "resize_method": "area"},
            {"overlay_image": design, "scale_to": 0.3, "gravity": "southeast", "opacity": 0.5},
        ]
        return self._request("scene", self._any_picture(), {"overlays": layers})

    def _centred(self) -> SubmittedRequest:
        percent = {f"{axis}_percent": self._rng.randrange(100) for axis in "xy"}
        layer = {
            "overlay_image": self._inline_picture(),
            "mask": self._any_picture(),
            "blend_mode": "linear-burn",
        }
        return self._request("centred", self._any_picture(), layer | percent, "superimpose-v2")

    def _in_perspective(self) -> SubmittedRequest:
        near = self._rng.uniform(0, 0.2)
        corners = [[near, 0.1], [0.9, near], [1, 0.9], [0.1, 1]]
        return self._request(
            "in perspective",
            self._any_picture(),
            {"overlay_image": self._inline_picture(), "corners": corners},
        )

    def _displaced(self) -> SubmittedRequest:
        folds = {"displacement_map": self._any_picture(), "displacement_x": 5, "displacement_y": -3}
        return self._request("displaced", self._inline_picture(), self._one_overlay() | folds)

    def _animated(self) -> SubmittedRequest:
        base = self._inline_picture(tiny_gif(self._next_number()))
        output = {"animation": "keep", "image_format": self._rng.choice(["webp", "gif", "apng"])}
        return self._request("animated", base, self._one_overlay() | output)

    def _cancelled(self) -> SubmittedRequest:
        base, after_s = self._hosted_picture("late"), self._rng.uniform(0, 1.5)
        return self._request("cancelled", base, self._one_overlay(), cancel_after_s=after_s)

    def _broken(self) -> SubmittedRequest:
        return self._request(
            "broken picture", self._inline_picture(), self._one_overlay(self._inline_picture(NO_PICTURE))
        )

    def _refused(self) -> SubmittedRequest:
        return self._request("refused", self._inline_picture(), self._one_overlay(opacity=2))

    def _request(
        self,
        kind: str,
        base: str,
        params: Mapping[str, Any],
        model: str = DEFAULT_MODEL,
        cancel_after_s: float | None = None,
    ) -> SubmittedRequest:
        key = str(UUID(int=self._rng.getrandbits(128), version=4))
        image_format = self._rng.choice(["jpeg", "png", "webp"])
        body = {"base_image": base, "image_format": image_format, **params}
        files = {path: self._files[text] for path, text in pictures(body).items()}
        return SubmittedRequest(kind, self._key_id, key, body, files, model, cancel_after_s, self._options())

    def _options(self) -> dict[str, Any]:
        if self._rng.random() > WITH_WEBHOOK:
            return {}
        url, events = self.webhook_url(), self._rng.choice(EVENTS)
        chosen = {} if events is None else {"webhook_events": events}
        return {"webhook_url": url, "custom_id": f"order-{self._number}", **chosen}

    def _one_overlay(self, overlay: str | None = None, **params: object) -> dict[str, object]:
        offsets = {"x_offset": self._rng.randrange(20), "y_offset": self._rng.randrange(12)}
        return {
            "overlay_image": overlay or self._shared_overlay or self._inline_picture(),
            **offsets,
            **params,
        }

    def _any_picture(self) -> str:
        """A picture given in a random way."""
        (manner,) = self._rng.choices(["inline", "prompt", "late", "broken"], [5, 3, 1, 1])
        return self._inline_picture() if manner == "inline" else self._hosted_picture(manner)

    def _inline_picture(self, picture: bytes | None = None) -> str:
        """An inline picture."""
        picture = picture or tiny_png(self._next_number())
        return self._remember(base64.b64encode(picture).decode(), picture)

    def _hosted_picture(self, manner: str) -> str:
        number = self._next_number()
        return self._remember(f"{self._origin_url}/{manner}/{number}", tiny_png(number))

    def _remember(self, text: str, picture: bytes) -> str:
        self._files[text] = picture
        return text

    def _next_number(self) -> int:
        self._number += 1
        return self._number
