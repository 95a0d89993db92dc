"""Idempotency keys: the same submit again is the same request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

from jobs import keyspace


class IdempotencyConflict(Exception):
    """Another submit was made with this key."""


@dataclass(frozen=True)
class Idempotency:
    """The Redis key of the request that was made with a client's key, and the fingerprint of its submit."""

    redis_key: str
    fingerprint: str

    @classmethod
    def of(cls, text: str, key_id: str, *submitted: Mapping[str, Any]) -> Self:
        """For the Idempotency-Key `text` of an API key, and what was submitted with it, without defaults."""
        said = json.dumps(submitted, sort_keys=True)
        return cls(keyspace.idempotency(key_id, _digest(text)), _digest(said))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
