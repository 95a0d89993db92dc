"""The batches that clients submit."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from uuid import UUID

from tests.chaos.requests import RequestGenerator, SubmittedRequest

FEWEST, MOST = 20, 150  # requests of a batch
BATCHES_AT_LEAST = 3
ROUND = (*["whole"] * 4, *["cancelled"] * 2, "bad request", "twice named", "torn")
REFUSED = frozenset({"bad request", "twice named", "torn"})

TYPES = {False: "application/json", True: "application/x-ndjson"}


@dataclass(frozen=True)
class SubmittedBatch:
    """One logical batch; all its submits have the same `idempotency_key`, some as JSON, others as NDJSON."""

    kind: str
    key_id: str
    idempotency_key: str
    members: Sequence[SubmittedRequest] = field(repr=False)
    defaults: Mapping[str, Any] = field(repr=False)
    webhook_url: str | None = None
    cancel_after_s: float | None = None
    is_lines: bool = False

    @property
    def is_refused(self) -> bool:
        return self.kind in REFUSED

    @property
    def custom_ids(self) -> list[str]:
        """The custom ids in order; "" for a request without."""
        return [member.options.get("custom_id", "") for member in self.members]

    def content(self, is_lines: bool) -> bytes:
        """The body as JSON or NDJSON."""
        head: dict[str, Any] = {"defaults": self.defaults}
        if self.webhook_url:
            head["webhook_url"] = self.webhook_url
        requests = [self._own(member) for member in self.members]
        if is_lines:
            return b"\n".join(json.dumps(each).encode() for each in (head, *requests))
        return json.dumps({**head, "requests": requests}).encode()

    def _own(self, member: SubmittedRequest) -> dict[str, Any]:
        response = member.full_body
        return {name: value for name, value in response.items() if self.defaults.get(name) != value}


def batches(generator: RequestGenerator, rng: Random, requests: int) -> Iterator[SubmittedBatch]:
    """Batches of all kinds; those to be accepted have `requests` members in total."""
    most = min(MOST, max(FEWEST, requests // BATCHES_AT_LEAST))
    while requests > 0:
        for kind in rng.sample(ROUND, len(ROUND)):
            size = rng.uniform(0.6, 1) if kind == "cancelled" else rng.random() ** 2
            count = round(FEWEST * (most / FEWEST) ** size)
            if kind not in REFUSED:
                count = min(count, requests)
                requests -= count
            if count:
                yield _batch(generator, rng, kind, count)


def _batch(generator: RequestGenerator, rng: Random, kind: str, count: int) -> SubmittedBatch:
    members = generator.members(count)
    overlays = [member.body["overlay_image"] for member in members]
    submission = SubmittedBatch(
        kind,
        members[0].key_id,
        str(UUID(int=rng.getrandbits(128), version=4)),
        members,
        {"overlay_image": max(overlays, key=overlays.count), "image_format": "png"},
        generator.webhook_url() if rng.random() < 0.8 else None,
        rng.uniform(0, 1) if kind == "cancelled" else None,
        rng.random() < 0.5,
    )
    return _spoiled(submission, rng) if submission.is_refused else submission


def _spoiled(submission: SubmittedBatch, rng: Random) -> SubmittedBatch:
    members = list(submission.members)
    if submission.kind == "bad request":
        place = rng.randrange(len(members))
        members[place] = replace(members[place], body={**members[place].body, "opacity": 2})
    elif submission.kind == "twice named":
        for place in (rng.randrange(len(members) - 1), -1):
            members[place] = replace(members[place], options={"custom_id": "sku"})
    return replace(submission, members=members)
