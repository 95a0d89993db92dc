"""The messages between a worker and its child: an order, and its outcome."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, NonNegativeInt, TypeAdapter

from compositor import SuperimposeParams
from jobs.lifecycle.output import Output
from jobs.lifecycle.status import FailureCode
from jobs.pictures import inputs

LONGEST_ERROR = 4000  # characters; those of ours have some hundred

Cache = Annotated[str, Field(pattern="^(decoded|http)$")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ToFetch(NamedTuple):
    """A waiting request of the API key `key_id`, and its URLs by parameter."""

    request_id: str
    key_id: str
    urls: Mapping[str, str]


@dataclass(frozen=True)
class Order:
    """One attempt at one request: how long it may take, and the place of its picture in the store.

    `trace_id`: of the trace it belongs to, or "". `ahead`: requests to fetch inputs for from now on.
    """

    request_id: str
    attempt: int
    key_id: str
    params: Mapping[str, Any]
    left_s: float
    path: str
    trace_id: str = ""
    ahead: Sequence[ToFetch] = ()

    @property
    def token(self) -> str:
        """The public name of its picture."""
        return self.path.rpartition("/")[2]

    def to_bytes(self) -> bytes:
        return json.dumps(vars(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
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
    """How an attempt ended; `code` and `error` as in the record, `output` of one that is done.

    `caches`: hits and misses of each cache since the outcome before. `retry_after_s`: before that another
    attempt would do no better.
    """

    ending: Ending
    code: str = ""
    error: Annotated[str, Field(max_length=LONGEST_ERROR)] = ""
    output: Output | None = None
    stages: Mapping[str, Seconds] = field(default_factory=dict)
    caches: Mapping[Cache, tuple[NonNegativeInt, NonNegativeInt]] = field(default_factory=dict)
    retry_after_s: Seconds = 0

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def from_bytes(data: bytes, order: Order) -> "Outcome":
        """Raises `ValueError` where it is no outcome of `order`: the child may have been taken over."""
        outcome = _outcomes().validate_json(data)
        if (outcome.ending is Ending.DONE) != (outcome.output is not None):
            raise ValueError("output and ending do not match")
        if outcome.output and not _is_of(outcome.output, order):
            raise ValueError("the output is not the one ordered")
        if outcome.ending is not Ending.DONE:
            FailureCode(outcome.code)
        return outcome


@cache
def _outcomes() -> TypeAdapter[Outcome]:
    return TypeAdapter(Outcome)


def _is_of(output: Output, order: Order) -> bool:
    """Whether it lies where it was to be put, is of the type asked for, and says no more than it may."""
    default = SuperimposeParams.model_fields["image_format"].default
    return (
        (output.path, output.token) == (order.path, order.token)
        and output.content_type == f"image/{order.params.get('image_format') or default}"
        and min(output.file_size, output.width, output.height) > 0
        and set(output.animated) <= set(inputs.PICTURES)
    )
