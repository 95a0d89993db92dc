"""Idempotency keys: a repeated submit returns the request of the first one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from jobs import keyspace
from jobs.keys.key_text import digest


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
