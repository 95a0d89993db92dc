"""The record of a request, the only source of truth about its state."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Self

from jobs.lifecycle.output import Output
from jobs.lifecycle.status import Status
from jobs.redis.hashes import named, seconds
from jobs.timefmt import rfc3339
from telemetry.stages import COMPUTE

_OUTPUT = tuple(each.name for each in fields(Output))

_STATUS = (
    *("key_id", "custom_id", "status", "created_at", "started_at", "finished_at"),
    *("code", "error", "metrics"),
)


class View(StrEnum):
    """The part of a record that a response needs."""

    STATUS = "status"
    RESULT = "result"
    LISTED = "listed"


FIELDS = {
    View.STATUS: _STATUS,
    View.RESULT: (*_STATUS, "params", "expires_at", "output"),
    View.LISTED: (*_STATUS, "expires_at", "output", "attempts", "given_back", "batch"),
}


@dataclass(frozen=True)
class Record:
    """One request. Times are seconds since the epoch on Redis's clock; None: not yet.

    `code` is a `FailureCode`, or one that a worker of a newer version wrote. `attempts` excludes those that
    were given back.
    """

    request_id: str
    key_id: str
    status: Status
    created_at: float
    params: Mapping[str, Any] = field(repr=False)
    attempts: int = 0
    started_at: float | None = None
    finished_at: float | None = None
    expires_at: float | None = None
    code: str | None = None
    error: str | None = None
    custom_id: str | None = None
    batch_id: str | None = None
    output: Output | None = None
    stages: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_values(cls, request_id: str, view: View, values: Sequence[bytes | None]) -> "Record | None":
        """Read the values of the `FIELDS` of a view; None if the request is unknown or has expired."""
        text = named(FIELDS[view], values)
        return cls.from_text(request_id, text) if "status" in text else None

    @classmethod
    def from_text(cls, request_id: str, text: Mapping[str, str]) -> Self:
        return cls(
            request_id=request_id,
            key_id=text["key_id"],
            status=Status(text["status"]),
            created_at=int(text["created_at"]) / 1000,
            params=json.loads(text["params"]) if "params" in text else {},
            attempts=int(text.get("attempts", 0)) - int(text.get("given_back", 0)),
            started_at=seconds(text, "started_at"),
            finished_at=seconds(text, "finished_at"),
            expires_at=seconds(text, "expires_at"),
            code=text.get("code"),
            error=text.get("error"),
            custom_id=text.get("custom_id"),
            batch_id=text.get("batch"),
            output=_output(text["output"]) if "output" in text else None,
            stages=json.loads(text["metrics"]) if "metrics" in text else {},
        )

    @property
    def metrics(self) -> dict[str, float]:
        """Seconds of `queue_time`, `total_time`, `inference_time` and each stage; empty until the end."""
        if self.finished_at is None:
            return {}
        started = self.started_at or self.finished_at
        compute = sum(self.stages.get(stage, 0.0) for stage in COMPUTE)
        return {
            "inference_time": round(compute, 4),
            "queue_time": round(started - self.created_at, 3),
            "total_time": round(self.finished_at - self.created_at, 3),
            **self.stages,
        }

    @property
    def expires(self) -> str | None:
        return None if self.expires_at is None else rfc3339(self.expires_at)


def _output(text: str) -> Output:
    """Only the fields we know: a worker of a newer version may write more."""
    values = json.loads(text)
    return Output(**{name: values[name] for name in _OUTPUT if name in values})
