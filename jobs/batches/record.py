"""The record of a batch, as read from Redis."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from jobs.lifecycle.status import Status
from jobs.redis.hashes import named, seconds
from jobs.timefmt import rfc3339

FIELDS = (
    *("key_id", "created_at", "finished_at", "expires_at", "cancelled", "archive", "entered"),
    *("total", "queued", "processing", "completed", "failed"),
)


@dataclass(frozen=True)
class BatchRecord:
    """Times are seconds since the epoch on Redis's clock; None: not yet.

    `queued`, `processing`, `completed` and `failed` add up to `total`. Only the first `entered` requests
    have a readable record; all have one some milliseconds after the batch was accepted. `archive` is the
    public name of the ZIP of its pictures.
    """

    batch_id: str
    key_id: str
    created_at: float
    total: int
    queued: int
    processing: int
    completed: int
    failed: int
    entered: int
    archive: str
    cancelled: bool = False
    finished_at: float | None = None
    expires_at: float | None = None

    @classmethod
    def from_values(cls, batch_id: str, values: Sequence[bytes | None]) -> "BatchRecord | None":
        """Read the values of `FIELDS`; None if the batch is unknown, expired or not accepted."""
        text = named(FIELDS, values)
        return cls.from_text(batch_id, text) if "created_at" in text else None

    @classmethod
    def from_text(cls, batch_id: str, text: Mapping[str, str]) -> Self:
        """Read all fields, or those that the event of an ended batch stores."""
        counts = ("total", "queued", "processing", "completed", "failed", "entered")
        return cls(
            batch_id=batch_id,
            key_id=text["key_id"],
            created_at=int(text["created_at"]) / 1000,
            archive=text["archive"],
            cancelled=text.get("cancelled") == "1",
            finished_at=seconds(text, "finished_at"),
            expires_at=seconds(text, "expires_at"),
            **{name: int(text.get(name, 0)) for name in counts},
        )

    @classmethod
    def accepted(cls, batch_id: str, key_id: str, total: int, archive: str) -> Self:
        return cls(batch_id, key_id, time.time(), total, total, 0, 0, 0, 0, archive)

    @property
    def status(self) -> Status:
        """QUEUED until one of its requests starts, COMPLETED once all have ended, even as FAILED."""
        if self.has_ended:
            return Status.COMPLETED
        return Status.QUEUED if self.queued == self.total else Status.PROCESSING

    @property
    def has_ended(self) -> bool:
        return self.finished_at is not None

    @property
    def expires(self) -> str | None:
        return None if self.expires_at is None else rfc3339(self.expires_at)
