"""Idempotency keys: a repeated submit returns the request of the first one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

from redis import Redis
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.keys.key_rules import digest


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
    """Search before anything is stored; scripts detect a concurrent submit with the same key."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.hmget(idempotency.redis_key, f"{kind}_id", "fingerprint")
        pipe.hget(keyspace.api_key(key_id), "credits")
        (earlier_id, fingerprint), credits = pipe.execute()
    record = keyspace.request if kind == "request" else keyspace.batch
    if earlier_id is None or not redis.exists(record(str_if_bytes(earlier_id))):
        return None
    balance = None if credits is None else int(credits)
    return Earlier(str_if_bytes(earlier_id), str_if_bytes(fingerprint), balance)
