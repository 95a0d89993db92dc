"""Creating a request: its record, the credits it holds and its job, all or nothing.

Also its deadlines and its Idempotency-Key.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, NamedTuple, Self

from redis import Redis
from redis.utils import str_if_bytes
from rq.utils import now, utcformat

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.key_rules import digest
from jobs.lifecycle.moves import Created, IllegalMove, NotEnoughCredits, QueueFull
from jobs.lifecycle.options import RequestOptions
from jobs.queue.rq import job_fields
from jobs.redis.script import read_script
from jobs.timefmt import retry_after
from telemetry import metrics

MAX_RETRY_AFTER_S = 300
GRACE_S = 3
"""Time for a worker to report an attempt that ended in time, before the reconciler ends the request."""

SHARED = ("lifecycle/request.lua", "lifecycle/lists.lua", "queue/turns.lua", "lifecycle/acceptance.lua")


@dataclass(frozen=True)
class Deadlines:
    """The maximum time from creation to the start of a request, and from its start to its end."""

    start_timeout_s: float
    timeout_s: float

    @classmethod
    def default(cls, settings: Settings) -> Self:
        return cls(settings.start_timeout_s, settings.job_timeout_s)

    @property
    def longest_s(self) -> float:
        """The longest time from creation to the end of a request, even if workers die."""
        return self.start_timeout_s + self.timeout_s + GRACE_S


class IdempotencyConflict(Exception):
    """This key was used for a different submit."""


@dataclass(frozen=True)
class Idempotency:
    """The Redis key of a client's Idempotency-Key, and the fingerprint of the submit."""

    redis_key: str
    fingerprint: str

    @classmethod
    def of(cls, text: str, key_id: str, *submitted: Mapping[str, Any]) -> Self:
        """For the Idempotency-Key `text` of an API key, and the submitted values without defaults."""
        fingerprint = digest(json.dumps(submitted, sort_keys=True))
        return cls(keyspace.idempotency(key_id, digest(text)), fingerprint)


class Earlier(NamedTuple):
    """A request or batch that was accepted with a key; `credits` is the balance now, None: unlimited."""

    id: str
    fingerprint: str
    credits: int | None


def find_earlier(
    redis: Redis, idempotency: Idempotency, key_id: str, kind: Literal["request", "batch"]
) -> Earlier | None:
    """Search before anything is stored; the scripts detect a concurrent submit with the same key."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.hmget(idempotency.redis_key, f"{kind}_id", "fingerprint")
        pipe.hget(keyspace.api_key(key_id), "credits")
        (earlier_id, fingerprint), credits = pipe.execute()
    record = keyspace.request if kind == "request" else keyspace.batch
    if earlier_id is None or not redis.exists(record(str_if_bytes(earlier_id))):
        return None
    balance = None if credits is None else int(credits)
    return Earlier(str_if_bytes(earlier_id), str_if_bytes(fingerprint), balance)


def acceptance_script(file: str, **constants: object) -> str:
    """A script that creates requests.

    Without `OOM_EXEMPT`, so that a Redis whose memory is full refuses it before it changes anything.
    """
    rq_fields = [word for field in job_fields().items() for word in field]
    return read_script(*SHARED, file, RQ_FIELDS=rq_fields, **constants)


@cache
def create_script() -> str:
    return acceptance_script("lifecycle/create.lua")


def common_args(
    key_id: str,
    deadlines: Deadlines,
    settings: Settings,
    traceparent: str | None = None,
    idempotency: Idempotency | None = None,
) -> dict[str, Any]:
    """The arguments of all scripts with `acceptance.lua`."""
    optional = {"traceparent": traceparent} if traceparent else {}
    if idempotency:
        optional |= {"idempotency": idempotency.redis_key, "fingerprint": idempotency.fingerprint}
    return optional | {
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


def read_acceptance(new_id: str, reply: Any, cost: int, count: int = 1) -> Created:
    """Read the reply of a script that accepts `count` requests under the id `new_id`.

    Raises `NotEnoughCredits`, `QueueFull`, `IdempotencyConflict`; `IllegalMove`: exists, revoked (the key is
    no longer valid), missing.
    """
    match reply:
        case [b"ok", credits]:
            balance = _credits(credits)
            metrics.count_accepted(0 if balance is None else cost * count, count)
            return Created(new_id, balance, replayed=False)
        case [b"replayed", earlier_id, credits]:
            return Created(earlier_id.decode(), _credits(credits), replayed=True)
        case [b"conflict", *_]:
            raise IdempotencyConflict
        case [b"credits", balance]:
            raise NotEnoughCredits(balance=int(balance), needed=cost * count)
        case [b"full", scope, limit, wait_ms]:
            wait_s = min(retry_after(int(wait_ms) / 1000), MAX_RETRY_AFTER_S)
            raise QueueFull(scope.decode(), int(limit), wait_s)
    raise IllegalMove("create", new_id, reply[0].decode())


def _credits(text: bytes) -> int | None:
    return None if text == b"unlimited" else int(text)


@dataclass(frozen=True)
class NewRequest:
    """A request to create; without `deadlines`, those of the settings apply.

    `inputs` are the store paths of its inline inputs; `webhook` is what `webhook_fields` returns.
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

    @property
    def own_args(self) -> dict[str, Any]:
        args = {"custom_id": self.options.custom_id, "inputs": " ".join(self.inputs), "webhook": self.webhook}
        return {name: value for name, value in args.items() if value}

    def args(self, settings: Settings) -> tuple[str, str, str]:
        deadlines = self.deadlines or Deadlines.default(settings)
        args = common_args(self.key_id, deadlines, settings, self.traceparent, self.idempotency)
        return self.request_id, json.dumps(args | self.own_args), json.dumps(self.params)

    def created(self, settings: Settings, reply: Any) -> Created:
        return read_acceptance(self.request_id, reply, settings.credit_cost)
