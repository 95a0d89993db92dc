"""The workers that are registered with RQ, and what each is at."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MAX_WORKERS = 256
_PREFIX = "rq:worker:"
WORKER_FIELDS = (
    "state",
    "birth",
    "last_heartbeat",
    "hostname",
    "pid",
    "successful_job_count",
    "failed_job_count",
)


@dataclass(frozen=True)
class WorkerSeen:
    """A worker as it is registered; times in seconds since the epoch, None: not known."""

    name: str
    state: str
    host: str
    pid: int
    since: float | None
    heard_at: float | None
    done: int
    failed: int
    request_id: str | None
    busy_since: float | None


def seen(answers: Iterable[Any]) -> list[WorkerSeen]:
    """Those of the workers in the answer of `snapshot.lua` that are registered."""
    return [worker for answer in answers if (worker := _worker(*answer))]


def _worker(name: bytes, values: list[bytes | None], job: bytes, claimed: bytes | None) -> WorkerSeen | None:
    """None for a name without a registration: one that died."""
    fields: dict[str, Any] = {
        field: (value or b"").decode() for field, value in zip(WORKER_FIELDS, values, strict=True)
    }
    if not fields["birth"]:
        return None
    return WorkerSeen(
        name=name.decode().removeprefix(_PREFIX),
        state=fields["state"],
        host=fields["hostname"],
        pid=int(fields["pid"] or 0),
        since=_moment(fields["birth"]),
        heard_at=_moment(fields["last_heartbeat"]),
        done=int(fields["successful_job_count"] or 0),
        failed=int(fields["failed_job_count"] or 0),
        request_id=job.decode() or None,
        busy_since=int(claimed) / 1000 if claimed else None,
    )


def _moment(text: str) -> float | None:
    """RQ's way to write times."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
