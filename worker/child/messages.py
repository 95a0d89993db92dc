"""The messages between a worker and its child: orders and drops to the child, events from it."""

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
from telemetry.logs import bound_contextvars

LENGTH = struct.Struct("!i")  # prefix of each message, as in `multiprocessing.connection`
MAX_ERROR_LENGTH = 4000  # characters; our messages have a few hundred

Cache = Annotated[str, Field(pattern="^(decoded|http)$")]
Seconds = Annotated[float, Field(ge=0, le=1e6)]
Number = Annotated[int, Field(ge=0, le=2**53)]


@dataclass(frozen=True)
class Order:
    """One attempt at a request: `left_s` until its deadline, and the `path` of its output in the store.

    `trace_id` and `custom_id`: "" without one. `accepted_at`: when the request was accepted, by this host's
    clock, in seconds since the epoch.
    """

    request_id: str
    attempt: int
    key_id: str
    params: Mapping[str, Any]
    left_s: float
    path: str
    trace_id: str = ""
    custom_id: str = ""
    accepted_at: float = math.inf

    @property
    def token(self) -> str:
        return self.path.rpartition("/")[2]

    def log_context(self) -> AbstractContextManager[None]:
        """Bind the fields of log lines about this order in a block; empty optional ones are left out."""
        optional = {"trace_id": self.trace_id, "custom_id": self.custom_id}
        given = {name: text for name, text in optional.items() if text}
        return bound_contextvars(
            request_id=self.request_id, key_id=self.key_id, attempt=self.attempt, **given
        )


@dataclass(frozen=True)
class Drop:
    """Cancel the order with this token, unless its processing has started."""

    token: str


def to_child(message: Order | Drop) -> bytes:
    return json.dumps(vars(message)).encode()


def from_parent(data: bytes) -> Order | Drop:
    fields = json.loads(data)
    return Order(**fields) if "attempt" in fields else Drop(**fields)


class Ending(StrEnum):
    DONE = "done"
    """The output is in the store."""
    FAILED = "failed"
    """Trying again would not help."""
    RETRY = "retry"
    """Trying again may help."""
    DROPPED = "dropped"
    """The order was cancelled before its processing started."""


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended; `code` and `error` as in the record, `output` only if DONE.

    `caches`: hits and misses of each cache since the previous outcome. `retry_after_s`: how long another
    attempt would fail in the same way.
    """

    ending: Ending
    code: str = ""
    error: Annotated[str, Field(max_length=MAX_ERROR_LENGTH)] = ""
    output: Output | None = None
    stages: Mapping[str, Seconds] = field(default_factory=dict)
    caches: Mapping[Cache, tuple[Number, Number]] = field(default_factory=dict)
    retry_after_s: Seconds = 0


@dataclass(frozen=True)
class Event:
    """The processing of the order with this token has started; with an `outcome`, it has finished.

    `ready`: how many other orders wait only for the child: their inputs have arrived, or wait for memory.
    """

    token: str
    ready: Number = 0
    outcome: Outcome | None = None

    def to_bytes(self) -> bytes:
        return _events().dump_json(self)

    @staticmethod
    def from_bytes(data: bytes, orders: Mapping[str, Order]) -> "Event":
        """Raises `ValueError` if it does not match one of `orders`: the child may be compromised."""
        event = _events().validate_json(data)
        order, outcome = orders.get(event.token), event.outcome
        if order is None:
            raise ValueError("no such order")
        if outcome is None:
            return event
        if (outcome.ending is Ending.DONE) != (outcome.output is not None):
            raise ValueError("output and ending do not match")
        if outcome.output and not _matches(outcome.output, order):
            raise ValueError("the output is not the one ordered")
        if outcome.ending in (Ending.FAILED, Ending.RETRY):
            FailureCode(outcome.code)
        return event


@cache
def _events() -> TypeAdapter[Event]:
    return TypeAdapter(Event)


def _matches(output: Output, order: Order) -> bool:
    """Whether path and content type are the ordered ones, and all other fields hold allowed values."""
    default = SuperimposeParams.model_fields["image_format"].default
    return (
        (output.path, output.token) == (order.path, order.token)
        and output.content_type == f"image/{order.params.get('image_format') or default}"
        and all(0 < each < 2**53 for each in (output.file_size, output.width, output.height))
        and set(output.animated) <= set(inputs.pictures(order.params))
        and set(output.warnings) <= {NO_REMOVER}
    )
