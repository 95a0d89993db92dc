"""What a worker and its child say to each other: an order, and how it ended."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Self


class ToFetch(NamedTuple):
    """A request of the API key `key_id` whose turn comes soon, and by parameter what to fetch for it."""

    request_id: str
    key_id: str
    urls: Mapping[str, str]


@dataclass(frozen=True)
class Order:
    """One attempt at one request: how long it may take, and until when its picture is kept at most.

    `trace_id`: of the trace it belongs to, or "". `ahead`: for whom else to fetch from now on.
    """

    request_id: str
    attempt: int
    key_id: str
    params: Mapping[str, Any]
    left_s: float
    keep_until: float
    trace_id: str = ""
    ahead: Sequence[ToFetch] = ()

    def to_bytes(self) -> bytes:
        """For the pipe."""
        return json.dumps(vars(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """From the pipe."""
        fields = json.loads(data)
        return cls(**fields | {"ahead": [ToFetch(*waiting) for waiting in fields["ahead"]]})


class Ending(StrEnum):
    """How an attempt ended."""

    DONE = "done"
    """The picture is in the store."""
    FAILED = "failed"
    """Trying again would not help."""
    RETRY = "retry"
    """Trying again may help."""


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended; `code` and `error` as in the record, `output` as of `jobs.record.Output`.

    `caches`: hits and misses of each cache since the outcome before.
    """

    ending: Ending
    code: str = ""
    error: str = ""
    output: Mapping[str, Any] = field(default_factory=dict)
    stages: Mapping[str, float] = field(default_factory=dict)
    caches: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """For the pipe."""
        return json.dumps(vars(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """From the pipe."""
        fields = json.loads(data)
        return cls(Ending(fields.pop("ending")), **fields)
