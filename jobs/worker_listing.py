"""The workers that are registered with RQ, and what each is at."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis import Redis

from jobs import keyspace

MAX_WORKERS = 256
_PREFIX = "rq:worker:"
_FIELDS = ("state", "birth", "last_heartbeat", "hostname", "pid", "successful_job_count", "failed_job_count")


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


def look(redis: Redis, keys: Iterable[bytes]) -> list[WorkerSeen]:
    """Those of RQ's `keys` that are registered, up to `MAX_WORKERS`, in two round trips."""
    names = sorted(keys)[:MAX_WORKERS]
    with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hmget(name.decode(), _FIELDS)
            pipe.srandmember(f"{name.decode()}:executions")
        answers = pipe.execute()
    jobs = [execution.decode().partition(":")[0] if execution else "" for execution in answers[1::2]]
    with redis.pipeline(transaction=False) as pipe:
        for job in jobs:
            pipe.hget(keyspace.request(job), "claimed_at")
        claimed = pipe.execute()
    rows = zip(names, answers[::2], jobs, claimed, strict=True)
    return [worker for row in rows if (worker := _worker(*row))]


def _worker(name: bytes, values: list[bytes | None], job: str, claimed: bytes | None) -> WorkerSeen | None:
    """None for a name without a registration: one that died."""
    fields: dict[str, Any] = {
        field: (value or b"").decode() for field, value in zip(_FIELDS, values, strict=True)
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
        request_id=job or None,
        busy_since=int(claimed) / 1000 if claimed else None,
    )


def _moment(text: str) -> float | None:
    """RQ's way to write times."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
