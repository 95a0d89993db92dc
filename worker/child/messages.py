"""The messages between a worker and its child: orders and drops one way, what becomes of them the other."""

import json
import math
import struct
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from compositor import SuperimposeParams
from compositor.models.superimpose_v2 import NO_REMOVER
from jobs.lifecycle.output import Output
from jobs.lifecycle.status import FailureCode
from jobs.pictures import inputs
from telemetry.log_context import about_request

LENGTH = struct.Struct("!i")  # of the message that follows, as `multiprocessing.connection` has it
LONGEST_ERROR = 4000  # characters; those of ours have some hundred

Cache = Annotated[str, Field(pattern="^(decoded|http)$")]
Seconds = Annotated[float, Field(ge=0, le=1e6)]
Number = Annotated[int, Field(ge=0, le=2**53)]


@dataclass(frozen=True)
class Order:
    """One attempt at one request: how long it may take, and the place of its picture in the store.

    `trace_id`: of the trace it belongs to, `custom_id`: its owner's name for it, or "". `made_at`: when the
    request was accepted, by this host's clock, in seconds since the epoch.
    """

    request_id: str
    attempt: int
    key_id: str
    params: Mapping[str, Any]
    left_s: float
    path: str
    trace_id: str = ""
    custom_id: str = ""
    made_at: float = math.inf

    @property
    def token(self) -> str:
        return self.path.rpartition("/")[2]

    def named_in_logs(self) -> AbstractContextManager[None]:
        return about_request(self.request_id, self.key_id, self.attempt, self.trace_id, self.custom_id)


@dataclass(frozen=True)
class Drop:
    """Take an order back, by its token: it is not to be worked on unless that has begun."""

    token: str


def to_child(message: Order | Drop) -> bytes:
    return json.dumps(vars(message)).encode()


def from_parent(data: bytes) -> Order | Drop:
    fields = json.loads(data)
    return Order(**fields) if "attempt" in fields else Drop(**fields)


class Ending(StrEnum):
    DONE = "done"
    """The picture is in the store."""
    FAILED = "failed"
    """Trying again would not help."""
    RETRY = "retry"
    """Trying again may help."""
    DROPPED = "dropped"
    """It was taken back before the work began."""


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended; `code` and `error` as in the record, `output` of one that is done.

    `caches`: hits and misses of each cache since the outcome before. `retry_after_s`: before that another
    attempt would do no better.
    """

    ending: Ending
    code: str = ""
    error: Annotated[str, Field(max_length=LONGEST_ERROR)] = ""
    output: Output | None = None
    stages: Mapping[str, Seconds] = field(default_factory=dict)
    caches: Mapping[Cache, tuple[Number, Number]] = field(default_factory=dict)
    retry_after_s: Seconds = 0


@dataclass(frozen=True)
class Event:
    """What becomes of an order, by its token: its work begins, or with `outcome`, it has ended.

    `ready`: how many more orders wait for the child alone: their inputs are there, or have no room.
    """

    token: str
    ready: Number = 0
    outcome: Outcome | None = None

    def to_bytes(self) -> bytes:
        return _events().dump_json(self)

    @staticmethod
    def from_bytes(data: bytes, orders: Mapping[str, Order]) -> "Event":
        """Raises `ValueError` where it is of none of the `orders`: the child may have been taken over."""
        event = _events().validate_json(data)
        order, outcome = orders.get(event.token), event.outcome
        if order is None:
            raise ValueError("no such order")
        if outcome is None:
            return event
        if (outcome.ending is Ending.DONE) != (outcome.output is not None):
            raise ValueError("output and ending do not match")
        if outcome.output and not _is_of(outcome.output, order):
            raise ValueError("the output is not the one ordered")
        if outcome.ending in (Ending.FAILED, Ending.RETRY):
            FailureCode(outcome.code)
        return event


@cache
def _events() -> TypeAdapter[Event]:
    return TypeAdapter(Event)


def _is_of(output: Output, order: Order) -> bool:
    """Whether it lies where it was to be put, is of the type asked for, and says no more than it may."""
    default = SuperimposeParams.model_fields["image_format"].default
    return (
        (output.path, output.token) == (order.path, order.token)
        and output.content_type == f"image/{order.params.get('image_format') or default}"
        and all(0 < each < 2**53 for each in (output.file_size, output.width, output.height))
        and set(output.animated) <= set(inputs.pictures(order.params))
        and set(output.warnings) <= {NO_REMOVER}
    )
