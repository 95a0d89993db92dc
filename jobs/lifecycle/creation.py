"""Creating a request: its record, the credits it holds and its job, all or nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from rq.utils import now, utcformat

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.deadlines import Deadlines
from jobs.lifecycle.idempotency import Idempotency, IdempotencyConflict
from jobs.lifecycle.moves import Created, IllegalMove, NotEnoughCredits, QueueFull
from jobs.lifecycle.options import RequestOptions
from jobs.lifecycle.queue import job_fields
from jobs.timefmt import retry_after
from telemetry import metrics

LONGEST_RETRY_AFTER_S = 300

SHARED = ("request.lua", "lists.lua", "turns.lua", "acceptance.lua")


def acceptance_script(text: str, **constants: object) -> str:
    """A script that makes requests.

    Without `OOM_EXEMPT`: a Redis whose memory is full refuses it before it has changed anything.
    """
    shared = "".join(Path(__file__).with_name(part).read_text() for part in SHARED)
    rq_fields = [word for field in job_fields().items() for word in field]
    return keyspace.script(shared + text, RQ_FIELDS=rq_fields, **constants)


@cache
def create_script() -> str:
    return acceptance_script(Path(__file__).with_name("create.lua").read_text())


def asked(key_id: str, deadlines: Deadlines, settings: Settings) -> dict[str, Any]:
    """What `acceptance.lua` is told of any request."""
    return {
        "stamp": utcformat(now()),
        "key_id": key_id,
        "cost": settings.credit_cost,
        "start_timeout": round(deadlines.start_timeout_s * 1000),
        "timeout": round(deadlines.timeout_s * 1000),
        "life": round((deadlines.longest_s + settings.result_ttl_s) * 1000),
        "max_waiting": settings.max_waiting,
        "max_waiting_per_key": settings.max_waiting_per_key,
        "max_undelivered": settings.max_undelivered_per_key,
    }


def read_acceptance(name: str, answer: Any, cost: int, count: int = 1) -> Created:
    """Read what a script answers that would accept `count` requests, as `name`.

    Raises `NotEnoughCredits`, `QueueFull`, `IdempotencyConflict`; `IllegalMove`: exists, revoked (the key is
    no longer valid), missing.
    """
    match answer:
        case [b"ok", credits]:
            left = _credits(credits)
            metrics.count_accepted(0 if left is None else cost * count, count)
            return Created(name, left, replayed=False)
        case [b"replayed", first, credits]:
            return Created(first.decode(), _credits(credits), replayed=True)
        case [b"conflict", *_]:
            raise IdempotencyConflict
        case [b"credits", balance]:
            raise NotEnoughCredits(balance=int(balance), needed=cost * count)
        case [b"full", whose, bound, wait_ms]:
            wait_s = min(retry_after(int(wait_ms) / 1000), LONGEST_RETRY_AFTER_S)
            raise QueueFull(whose.decode(), int(bound), wait_s)
    raise IllegalMove("create", name, answer[0].decode())


def _credits(answer: bytes) -> int | None:
    return None if answer == b"unlimited" else int(answer)


@dataclass(frozen=True)
class NewRequest:
    """A request to create; without `deadlines`, those of the settings apply.

    `inputs`: paths in the store of what came within it.
    """

    request_id: str
    key_id: str
    params: Mapping[str, Any]
    deadlines: Deadlines | None = None
    idempotency: Idempotency | None = None
    traceparent: str | None = None
    options: RequestOptions = field(default_factory=RequestOptions)
    inputs: Sequence[str] = ()
    webhook: Mapping[str, Any] | None = None
    """Where its event goes, as `jobs.webhooks.rules.Webhook.kept` says it."""

    @property
    def said(self) -> dict[str, Any]:
        """What it alone says, beside its parameters."""
        said = {"custom_id": self.options.custom_id, "inputs": " ".join(self.inputs), "webhook": self.webhook}
        return {name: value for name, value in said.items() if value}

    def args(self, settings: Settings) -> tuple[str, str, str]:
        """For `create_script`."""
        args = asked(self.key_id, self.deadlines or Deadlines.default(settings), settings) | self.said
        if self.traceparent:
            args["traceparent"] = self.traceparent
        if self.idempotency:
            args |= {"idempotency": self.idempotency.redis_key, "fingerprint": self.idempotency.fingerprint}
        return self.request_id, json.dumps(args), json.dumps(self.params)

    def created(self, settings: Settings, answer: Any) -> Created:
        """Read the script's answer; raises as `read_acceptance`."""
        return read_acceptance(self.request_id, answer, settings.credit_cost)
