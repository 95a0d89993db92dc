"""Answers and refusals of the moves in `transition.lua`."""

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
    """The state machine refused a move, for one of the reasons in `transition.lua`."""

    def __init__(self, move: str, request_id: str, reason: str) -> None:
        super().__init__(f"{move} {request_id}: {reason}")
        self.request_id = request_id
        self.reason = reason


ENDED = frozenset({"exhausted", "late"})
"""Reasons of `IllegalMove` that say that the request has FAILED by this very move."""


class NotEnoughCredits(Exception):
    def __init__(self, balance: int, needed: int) -> None:
        super().__init__(f"{balance} credits, {needed} needed")
        self.balance = balance
        self.needed = needed


class QueueFull(Exception):
    """At a limit: of `whose` "all" or this "key", of what can start in "time", or of a key's "events"."""

    def __init__(self, whose: str, bound: int, retry_after_s: int) -> None:
        super().__init__(f"the queue is at its limit of {bound} requests ({whose})")
        self.whose = whose
        self.bound = bound
        self.retry_after_s = retry_after_s


class Created(NamedTuple):
    """A request that was created; `credits` is what its key has left, None: unlimited."""

    request_id: str
    credits: int | None
    replayed: bool
    """Whether it was created before, with the same Idempotency-Key."""


class Claim(NamedTuple):
    """An attempt that has begun; `left_s`: until it must have ended.

    Its picture is kept until `keep_until` at most: seconds since the epoch on Redis's clock, by which the
    store is swept. `traceparent`: of its trace, or "". `age_s`: since the request was accepted.
    `given_back`: how many of the attempts before did not count. `custom_id`: its owner's name for it, or "".
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
    def read(cls, result_ttl_s: int, *answer: Any) -> Self:
        """What the script answers of it."""
        request_id, attempt, key_id, params, left_ms, deadline_ms, traceparent, *more = answer
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
        return self.traceparent[3:35]  # version-trace-span-flags


@dataclass(frozen=True)
class Failure:
    """Why a request FAILED, or will when no attempt is left."""

    code: FailureCode
    error: str


CANCELLED = Failure(FailureCode.CANCELLED, "cancelled by its owner")


class Cancelled(NamedTuple):
    """The status before a cancellation, and RQ's name of the worker that had the request, or ""."""

    was: Status
    worker: str


class Ending(NamedTuple):
    """How a request ended by a move, as `transition.lua` answers it."""

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
        """At level error; a cancelled request has not failed, and its cancellation is logged."""
        if self.status == Status.FAILED and self.code != FailureCode.CANCELLED:
            fields = {"status": self.status, "code": self.code, "total_ms": self.total_ms}
            fields |= echo(self.custom_id)
            log.error(
                "request %s FAILED: %s",
                self.request_id,
                self.code,
                extra={"request_id": self.request_id, **fields},
            )
