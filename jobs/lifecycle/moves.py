"""Results and refusals of the moves in `transition.lua`."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from jobs.lifecycle.options import echo
from jobs.lifecycle.status import FailureCode, Status
from telemetry import metrics

log = logging.getLogger("superimpose.jobs")


class IllegalMove(Exception):
    """The state machine refused a move; `reason` is one of those in `transition.lua`."""

    def __init__(self, move: str, request_id: str, reason: str) -> None:
        super().__init__(f"{move} {request_id}: {reason}")
        self.request_id = request_id
        self.reason = reason


ENDED = frozenset({"exhausted", "late"})
"""Reasons of `IllegalMove` when this move itself ended the request as FAILED."""


class NotEnoughCredits(Exception):
    def __init__(self, balance: int, needed: int) -> None:
        super().__init__(f"{balance} credits, {needed} needed")
        self.balance = balance
        self.needed = needed


class QueueFull(Exception):
    """The `limit` was reached of `scope` "all", "key", "time" (what can start in time) or "events"."""

    def __init__(self, scope: str, limit: int, retry_after_s: int) -> None:
        super().__init__(f"the queue is at its limit of {limit} requests ({scope})")
        self.scope = scope
        self.limit = limit
        self.retry_after_s = retry_after_s


class Created(NamedTuple):
    """A created request; `credits` is the remaining balance of its key, None: unlimited."""

    request_id: str
    credits: int | None
    replayed: bool
    """Whether the request was created before, with the same Idempotency-Key."""


class Claim(NamedTuple):
    """A started attempt, which must end within `left_s`; `age_s` is the time since the request was accepted.

    Its picture may be swept after `keep_until`, in seconds since the epoch on Redis's clock. `given_back` is
    the number of earlier attempts that do not count. `traceparent` and `custom_id` are "" if unset.
    """

    request_id: str
    attempt: int
    key_id: str
    params: Mapping[str, Any]
    left_s: float
    keep_until: float
    traceparent: str = ""
    age_s: float = 0.0
    given_back: int = 0
    custom_id: str = ""

    @classmethod
    def read(cls, result_ttl_s: int, *reply: Any) -> Self:
        request_id, attempt, key_id, params, left_ms, deadline_ms, traceparent, *more = reply
        age_ms, given_back, custom_id = more
        return cls(
            request_id.decode(),
            int(attempt),
            key_id.decode(),
            json.loads(params),
            left_ms / 1000,
            float(deadline_ms) / 1000 + result_ttl_s,
            traceparent.decode(),
            age_ms / 1000,
            int(given_back),
            custom_id.decode(),
        )

    @property
    def trace_id(self) -> str:
        """In hex; "" without a trace."""
        return self.traceparent[3:35]  # traceparent: version-trace-span-flags


@dataclass(frozen=True)
class Failure:
    """Why a request FAILED, or will fail if no attempt is left."""

    code: FailureCode
    error: str


CANCELLED = Failure(FailureCode.CANCELLED, "cancelled by its owner")


class Ending(NamedTuple):
    """How a move ended a request, as `transition.lua` reports it."""

    request_id: str
    status: str
    code: str
    queued_ms: int
    total_ms: int
    charge: str
    credits: int | str
    custom_id: str

    def measure(self) -> None:
        metrics.count_finished(self.status, self.code, self.queued_ms / 1000, self.total_ms / 1000)
        if self.charge:
            metrics.count_credits(self.charge, int(self.credits))

    def log_failure(self) -> None:
        """Log a failure as an error; cancellations are logged elsewhere."""
        if self.status == Status.FAILED and self.code != FailureCode.CANCELLED:
            fields = {"status": self.status, "code": self.code, "total_ms": self.total_ms}
            fields |= echo(self.custom_id)
            fields["request_id"] = self.request_id
            log.error("request %s FAILED: %s", self.request_id, self.code, extra=fields)
